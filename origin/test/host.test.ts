import { readFile, writeFile } from 'node:fs/promises';
import * as assert from 'uvu/assert';
import { createKeys } from '../../deploy/local/keys.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { type Host, type HostStores, keysIn, startHost, startHostStores, workersOf } from './host-kit.ts';
import { type NotifyListener, startNotifyListener } from './notify-listener.ts';

const AT_MOST = (what: string) => ({ what, timeoutMs: 20_000 });

describe('a host of two node processes', ({ test, before, after, beforeEach, afterEach }) => {
  let stores: HostStores;
  let listener: NotifyListener;
  let host: Host;
  before(async () => {
    stores = await startHostStores();
    listener = await startNotifyListener();
  });
  after(async () => {
    await listener?.stop();
    await stores?.stop();
  });
  beforeEach(async () => {
    host = await startHost(stores, { env: { NOTIFY_SOCKET: listener.socket } });
  });
  afterEach(() => host?.process.kill());

  const welcomedBy = async (signingKeys?: string) => {
    const client = await host.connect(signingKeys);
    const { node } = await client.nextOf('welcome');
    return { client, node };
  };
  const status = async (path: string) => (await fetch(`${host.healthUrl}${path}`)).status;

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
    const metrics = await (await fetch(`${host.healthUrl}/metrics`)).text();
    for (const node of seen) assert.match(metrics, `hushwire_host_worker_up{node="${node}"} 1`);
    assert.is(metrics.match(/^# TYPE hushwire_connections /gm)?.length, 1);
  });

  test('starts a process again that was killed, and serves meanwhile', async () => {
    const [victim] = await workersOf(host.process.pid);
    assert.ok(victim);
    process.kill(victim, 'SIGKILL');
    await until(async () => (await status('/healthz')) === 503, AT_MOST('the host is degraded'));
    assert.is(await status('/readyz'), 200);
    (await welcomedBy()).client.socket.close(1000);
    await until(async () => (await status('/healthz')) === 200, AT_MOST('the host is well'));
    assert.match(await (await fetch(`${host.healthUrl}/metrics`)).text(), 'hushwire_host_restarts_total 1');
  });

  test('stops every process gently, asks systemd for the time that may take, and ends with 0', async () => {
    const { client } = await welcomedBy();
    process.kill(host.process.pid, 'SIGTERM');
    const { code } = await client.closed;
    assert.is(code, 1012);
    assert.is((await host.process.ended).code, 0);
    // 1 s of HUSHWIRE_ORIGIN_DRAIN_CAP_MS, no lead, 30 s for the rest.
    const asked = 'STOPPING=1 EXTEND_TIMEOUT_USEC=31000000';
    await until(() => listener.told.some((line) => line.includes(asked)), AT_MOST('the leave'));
  });

  test('leaves no process behind when it is killed itself', async () => {
    const children = await workersOf(host.process.pid);
    assert.is(children.length, 2);
    process.kill(host.process.pid, 'SIGKILL');
    await until(
      async () => (await Promise.all(children.map(isAlive))).every((alive) => !alive),
      AT_MOST('both ended'),
    );
  });

  test('reads the keys of the edge again on SIGHUP, without a restart', async () => {
    const keys = await createKeys();
    assert.is((await (await host.connect(keys.signingKeys)).closed).code, 4401);
    const both = [...keysIn(keys.publicKeys), ...keysIn(host.publicKeys)];
    await writeFile(stores.keyFile, JSON.stringify({ keys: both }));
    process.kill(host.process.pid, 'SIGHUP');
    await until(
      () => host.process.lines.filter((line) => line.includes('origin.reloaded')).length === 2,
      AT_MOST('reloaded'),
    );
    await welcomedBy(keys.signingKeys);
    await welcomedBy();
    await writeFile(stores.keyFile, 'not keys');
    process.kill(host.process.pid, 'SIGHUP');
    await until(
      () => host.process.lines.filter((line) => line.includes('origin.reload_failed')).length === 2,
      AT_MOST('refused'),
    );
    await welcomedBy();
    assert.match(await (await fetch(`${host.healthUrl}/metrics`)).text(), 'hushwire_host_restarts_total 0');
  });
}, 30_000);

async function isAlive(pid: number): Promise<boolean> {
  const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return state !== '' && !/\) Z /.test(state);
}
