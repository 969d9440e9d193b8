import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { createKeys } from '../../deploy/local/keys.ts';
import { freePort } from '../../deploy/local/ports.ts';
import { type RunningProcess, startProcess } from '../../deploy/local/servers/process.ts';
import { startRedis } from '../../deploy/local/servers/redis.ts';
import { temporaryDirectory } from '../../deploy/local/servers/temporary.ts';
import { randomId } from '../../shared/bytes.ts';
import { createDatabase } from '../../shared/testing/database.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { WireClient } from '../../shared/testing/wire-client.ts';
import { createSigner, type JWK } from '../../shared/token.ts';
import { createPerson, ISSUER } from './fixture.ts';

const AT_MOST = (what: string) => ({ what, timeoutMs: 20_000 });

describe('a host of two node processes', ({ test, before, after, beforeEach, afterEach }) => {
  const ends: (() => Promise<unknown>)[] = [];
  let env: Record<string, string>;
  let keyFile: string;
  let host: RunningProcess;
  let healthUrl: string;
  let publicKeys: string;
  let ticket: () => Promise<string>;

  before(async () => {
    const [redis, database, directory] = await Promise.all([
      startRedis(),
      createDatabase(),
      temporaryDirectory('host'),
    ]);
    ends.push(redis.stop, database.drop, () => rm(directory, { recursive: true, force: true }));
    keyFile = join(directory, 'keys.json');
    env = {
      HUSHWIRE_ORIGIN_NODE: 'h',
      HUSHWIRE_ORIGIN_PROCESSES: '2',
      HUSHWIRE_ORIGIN_RELAY_URL: redis.url,
      HUSHWIRE_ORIGIN_DATABASE_URL: database.url,
      HUSHWIRE_ORIGIN_EDGE_ISSUER: ISSUER,
      HUSHWIRE_ORIGIN_EDGE_KEYS_FILE: keyFile,
      HUSHWIRE_ORIGIN_INTERNAL_PORT: '0',
      HUSHWIRE_ORIGIN_DRAIN_CAP_MS: '1000',
    };
  });
  after(async () => {
    for (const end of ends.reverse()) await end();
  });

  beforeEach(async () => {
    const keys = await createKeys();
    publicKeys = keys.publicKeys;
    ticket = await ticketsOf(keys.signingKeys);
    await writeFile(keyFile, publicKeys);
    const [port, healthPort] = [await freePort(), await freePort()];
    healthUrl = `http://127.0.0.1:${healthPort}`;
    const ready = new Set<string>();
    host = await startProcess({
      name: 'host',
      command: process.execPath,
      args: ['--import', 'tsx', join('origin', 'host.ts')],
      env: {
        ...env,
        HUSHWIRE_ORIGIN_PORT: String(port),
        HUSHWIRE_ORIGIN_HEALTH_PORT: String(healthPort),
      },
      isReady: (line) => {
        if (line.includes('"origin.ready"')) ready.add(line);
        return ready.size === 2;
      },
    });
    url = `ws://127.0.0.1:${port}/v1/socket`;
  });
  afterEach(() => host.kill());

  let url: string;
  const connect = async () => {
    const client = new WireClient(url, { ticket: await ticket() });
    client.socket.on('error', () => undefined);
    return client;
  };
  const welcomedBy = async () => {
    const client = await connect();
    const { node } = await client.nextOf('welcome');
    return { client, node };
  };
  const status = async (path: string) => (await fetch(`${healthUrl}${path}`)).status;

  test('takes connections on one port, in both processes, and tells their health together', async () => {
    const seen = new Set<string>();
    await until(async () => {
      const { client, node } = await welcomedBy();
      client.socket.close(1000);
      seen.add(node);
      return seen.size === 2;
    }, AT_MOST('both processes took a connection'));
    assert.equal([...seen].sort(), ['h-1', 'h-2']);
    assert.is(await status('/readyz'), 200);
    const metrics = await (await fetch(`${healthUrl}/metrics`)).text();
    for (const node of seen) assert.match(metrics, `hushwire_host_worker_up{node="${node}"} 1`);
    assert.is(metrics.match(/^# TYPE hushwire_connections /gm)?.length, 1);
  });

  test('starts a process again that was killed, and serves meanwhile', async () => {
    const [victim] = await childrenOf(host.pid);
    process.kill(Number(victim), 'SIGKILL');
    await until(async () => (await status('/healthz')) === 503, AT_MOST('the host is degraded'));
    assert.is(await status('/readyz'), 200);
    (await welcomedBy()).client.socket.close(1000);
    await until(async () => (await status('/healthz')) === 200, AT_MOST('the host is well'));
    assert.match(await (await fetch(`${healthUrl}/metrics`)).text(), 'hushwire_host_restarts_total 1');
  });

  test('stops every process gently, and ends with 0', async () => {
    const { client } = await welcomedBy();
    process.kill(host.pid, 'SIGTERM');
    const { code } = await client.closed;
    assert.is(code, 1012);
    assert.is((await host.ended).code, 0);
  });

  test('leaves no process behind when it is killed itself', async () => {
    const children = await childrenOf(host.pid);
    assert.is(children.length, 2);
    process.kill(host.pid, 'SIGKILL');
    await until(
      async () => (await Promise.all(children.map(isAlive))).every((alive) => !alive),
      AT_MOST('both ended'),
    );
  });

  test('reads the keys of the edge again on SIGHUP, without a restart', async () => {
    const keys = await createKeys();
    const old = ticket;
    ticket = await ticketsOf(keys.signingKeys);
    assert.is((await (await connect()).closed).code, 4401);
    await writeFile(keyFile, JSON.stringify({ keys: [...keysIn(keys.publicKeys), ...keysIn(publicKeys)] }));
    process.kill(host.pid, 'SIGHUP');
    await until(
      () => host.lines.filter((line) => line.includes('origin.reloaded')).length === 2,
      AT_MOST('reloaded'),
    );
    await welcomedBy();
    ticket = old;
    await welcomedBy();
    await writeFile(keyFile, 'not keys');
    process.kill(host.pid, 'SIGHUP');
    await until(
      () => host.lines.filter((line) => line.includes('origin.reload_failed')).length === 2,
      AT_MOST('refused'),
    );
    await welcomedBy();
    assert.match(await (await fetch(`${healthUrl}/metrics`)).text(), 'hushwire_host_restarts_total 0');
  });
}, 30_000);

async function ticketsOf(signingKeys: string): Promise<() => Promise<string>> {
  const signer = await createSigner(ISSUER, keysIn(signingKeys));
  return () => signer.sign('ticket', { ...createPerson(), jti: randomId(), mailbox: randomId() }, Date.now());
}

function keysIn(text: string): JWK[] {
  return (JSON.parse(text) as { keys: JWK[] }).keys;
}

async function childrenOf(pid: number): Promise<string[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.trim().split(' ');
}

async function isAlive(pid: string): Promise<boolean> {
  const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return state !== '' && !/\) Z /.test(state);
}
