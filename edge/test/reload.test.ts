import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { createKeys } from '../../deploy/local/keys.ts';
import { freePort } from '../../deploy/local/ports.ts';
import { type EdgeServer, startEdge } from '../../deploy/local/servers/edge.ts';
import { temporaryDirectory } from '../../deploy/local/servers/temporary.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import type { JWK } from '../../shared/token.ts';

describe('an edge that gets SIGHUP', ({ test, before, after }) => {
  let directory: string;
  let file: string;
  let edge: EdgeServer;
  let first: readonly JWK[];
  before(async () => {
    directory = await temporaryDirectory('reload');
    file = join(directory, 'signing-keys.json');
    const keys = await createKeys();
    first = keysIn(keys.signingKeys);
    await writeFile(file, keys.signingKeys);
    const nobody = `http://127.0.0.1:${await freePort()}`;
    edge = await startEdge({
      port: await freePort(),
      keys,
      ...{ stateUrl: nobody, stateToken: 'token', originApi: [nobody], sockets: [] },
      files: [file],
      env: { HUSHWIRE_EDGE_SIGNING_KEYS: '', HUSHWIRE_EDGE_SIGNING_KEYS_FILE: file },
    });
  });
  after(async () => {
    await edge?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const published = async () => {
    const { keys } = (await (await fetch(`${edge.url}/.well-known/jwks.json`)).json()) as { keys: JWK[] };
    return keys.map(({ kid }) => kid);
  };
  const said = (event: string) =>
    until(() => edge.lines.some((line) => line.includes(event)), { what: event });

  test('signs with the new keys from then on, and goes on publishing those that are kept', async () => {
    assert.equal(await published(), kidsOf(first));
    const next = keysIn((await createKeys()).signingKeys);
    await writeFile(file, JSON.stringify({ keys: [...next, ...first] }));
    process.kill(edge.pid, 'SIGHUP');
    await said('edge.reloaded');
    assert.equal(await published(), kidsOf([...next, ...first]));
  });

  test('goes on with what it has when the new ones are faulty', async () => {
    const before = await published();
    await writeFile(file, 'not keys');
    process.kill(edge.pid, 'SIGHUP');
    await said('edge.reload_failed');
    assert.equal(await published(), before);
  });
}, 30_000);

function keysIn(text: string): JWK[] {
  return (JSON.parse(text) as { keys: JWK[] }).keys;
}

function kidsOf(keys: readonly JWK[]) {
  return keys.map(({ kid }) => kid);
}
