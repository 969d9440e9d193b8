import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { findFirstProcess } from '../../deploy/local/servers/first-process.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import {
  childrenOf,
  commandOf,
  type Host,
  type HostStores,
  startHost,
  startHostStores,
  workersOf,
} from './host-kit.ts';

const AT_MOST = (what: string) => ({ what, timeoutMs: 20_000 });
const INIT = join('deploy', 'instance', 'init.sh');

const { isNamespaced, within, pidOf } = findFirstProcess();

describe(`a host behind ${INIT}, ${isNamespaced ? 'first in a PID namespace' : 'as reaper of orphans'}`, (suite) => {
  const { test, before, after } = suite;
  let stores: HostStores;
  let host: Host;
  /** The first process, and the supervisor that it runs; seen from outside. */
  let first: number;
  let supervisor: number;

  before(async () => {
    stores = await startHostStores();
    // The compiler's own process, one for each process of the host, is what a crash leaves behind.
    const env = { TSX_DISABLE_CACHE: '1' };
    host = await startHost(stores, { within: [...within, INIT], env });
    first = pidOf(host.process.pid);
    [supervisor = 0] = await childrenOf(first);
  });
  after(async () => {
    await host?.process.kill();
    await stores?.stop();
  });

  test('the shell is the first process, the supervisor its only child', async () => {
    assert.match(await commandOf(first), INIT);
    assert.match(await commandOf(supervisor), 'origin/host.ts');
    assert.equal(await childrenOf(first), [supervisor]);
    if (isNamespaced) assert.match(await readFile(`/proc/${first}/status`, 'utf8'), /^NSpid:.*\t1$/m);
  });

  test('a process that crashed is started again, and what it left behind is reaped', async () => {
    const [victim = 0] = await workersOf(supervisor);
    const [orphan = 0] = await startedBy(victim);
    assert.ok(orphan > 0, 'it had a process of its own');
    process.kill(victim, 'SIGKILL');
    await until(
      async () => (await workersOf(supervisor)).filter((pid) => pid !== victim).length === 2,
      AT_MOST('two again'),
    );
    await until(async () => (await commandOf(orphan)) === '', AT_MOST('the orphan ended'));
    await until(async () => (await childrenOf(first)).length === 1, AT_MOST('it was reaped'));
    await until(
      async () => (await fetch(`${host.healthUrl}/healthz`)).status === 200,
      AT_MOST('the host is well'),
    );
  });

  test('SIGTERM to the first process moves the clients, and all of it ends with 0', async () => {
    const client = await host.connect();
    await client.nextOf('welcome');
    process.kill(first, 'SIGTERM');
    assert.is((await client.closed).code, 1012);
    assert.is((await host.process.ended).code, 0);
  });
}, 30_000);

/** Processes that any thread of `pid` started: the compiler runs in one of its own. */
async function startedBy(pid: number): Promise<number[]> {
  const threads = await readdir(`/proc/${pid}/task`);
  return (await Promise.all(threads.map((thread) => childrenOf(pid, Number(thread))))).flat();
}
