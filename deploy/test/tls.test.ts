import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { createDatabase } from '../../shared/testing/database.ts';
import { describe } from '../../shared/testing/suite.ts';
import { createKeys } from '../local/keys.ts';
import { freePort } from '../local/ports.ts';
import { CHECKOUT } from '../local/servers/checkout.ts';
import { startEdge } from '../local/servers/edge.ts';
import { startOrigin } from '../local/servers/origin.ts';
import { startProcess } from '../local/servers/process.ts';
import { startRedis } from '../local/servers/redis.ts';
import { temporaryDirectory } from '../local/servers/temporary.ts';
import { startUpstash } from '../local/servers/upstash.ts';
import type { Talk } from './programs/sdk-talk.ts';

const run = promisify(execFile);

describe('TLS without a proxy', ({ test, after, needs }) => {
  needs('openssl');
  const ends: (() => Promise<unknown>)[] = [];
  after(async () => {
    for (const end of ends.reverse()) await end();
  });

  test('two people talk over it across two nodes, directly and through the edge', async () => {
    const directory = await temporaryDirectory('tls');
    ends.push(() => rm(directory, { recursive: true, force: true }));
    const pem = await makeCertificate(directory);
    const { edgeUrl } = await startTlsStack({ ...pem, ends });
    const { code, talk } = await talkOver(edgeUrl, pem.authority);
    assert.is(code, 0);
    assert.equal(talk.nodes, ['node-1', 'node-2']);
    assert.equal(talk.heard, ['b: to b', 'b: to a']);
    await fetch(edgeUrl.replace('https:', 'http:')).then(
      (answer) => assert.unreachable(`answered ${answer.status} in clear`),
      () => undefined,
    );
  });
}, 60_000);

/** Files. */
interface Pem {
  readonly authority: string;
  readonly cert: string;
  readonly key: string;
}

/** An authority, and a certificate for 127.0.0.1 it signed: Deno's sockets refuse one that signed itself. */
async function makeCertificate(directory: string): Promise<Pem> {
  const at = (name: string) => join(directory, name);
  const pem = { authority: at('authority.pem'), cert: at('cert.pem'), key: at('key.pem') };
  const [authorityKey, request, names] = [at('authority-key.pem'), at('request.pem'), at('names')];
  const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const openssl = (...args: string[]) => run('openssl', args);
  await writeFile(names, 'subjectAltName=IP:127.0.0.1');
  await openssl(
    'req',
    '-x509',
    ...fresh,
    '-subj',
    '/CN=test',
    '-keyout',
    authorityKey,
    '-out',
    pem.authority,
  );
  await openssl('req', ...fresh, '-subj', '/CN=127.0.0.1', '-keyout', pem.key, '-out', request);
  const signer = ['-CA', pem.authority, '-CAkey', authorityKey, '-CAcreateserial'];
  await openssl('x509', '-req', '-in', request, ...signer, '-extfile', names, '-out', pem.cert);
  return pem;
}

async function startTlsStack({
  authority,
  cert,
  key,
  ends,
}: Pem & { readonly ends: (() => Promise<unknown>)[] }) {
  const [relay, database, keys, port] = await Promise.all([
    startRedis(),
    createDatabase(),
    createKeys(),
    freePort(),
  ]);
  ends.push(relay.stop, database.drop);
  const rest = await startUpstash({ redisUrl: relay.url });
  ends.push(rest.stop);
  const edgeUrl = `https://127.0.0.1:${port}`;
  const base = { relayUrl: relay.url, databaseUrl: database.url, edgeIssuer: edgeUrl };
  const env = { HUSHWIRE_ORIGIN_TLS_CERT_PATH: cert, HUSHWIRE_ORIGIN_TLS_KEY_PATH: key };
  const nodes = [];
  for (const node of ['node-1', 'node-2']) {
    const origin = await startOrigin({ ...base, node, edgeKeys: keys.publicKeys, env });
    ends.push(origin.stop);
    nodes.push(origin);
  }
  const edge = await startEdge({
    port,
    keys,
    stateUrl: rest.url,
    stateToken: rest.token,
    originApi: nodes.map(({ internalUrl }) => internalUrl),
    sockets: nodes.map(({ url }) => url),
    files: [cert, key],
    certificateAuthority: authority,
    env: {
      HUSHWIRE_EDGE_PUBLIC_URL: edgeUrl,
      HUSHWIRE_EDGE_TLS_CERT_PATH: cert,
      HUSHWIRE_EDGE_TLS_KEY_PATH: key,
    },
  });
  ends.push(edge.stop);
  return { edgeUrl };
}

/** A program of its own, since Node reads the authorities it trusts at its start. */
async function talkOver(edgeUrl: string, authority: string): Promise<{ code: number | null; talk: Talk }> {
  const program = await startProcess({
    name: 'talk',
    command: process.execPath,
    args: ['--import', 'tsx', '--input-type=module', '-'],
    cwd: CHECKOUT,
    env: { NODE_EXTRA_CA_CERTS: authority },
    input: `
      import { openNodeSocket } from './shared/client/adapters/node-socket.ts';
      import { talk } from './deploy/test/programs/sdk-talk.ts';
      console.log(JSON.stringify(await talk(${JSON.stringify(edgeUrl)}, { openSocket: openNodeSocket })));`,
    isReady: (line) => line.startsWith('{'),
  });
  const { code } = await program.ended;
  return { code, talk: JSON.parse(program.lines.find((line) => line.startsWith('{')) ?? '{}') as Talk };
}
