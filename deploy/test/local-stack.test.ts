/** `npm start` as people run it, in a process of its own, with real servers in a directory of the test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import postgres from 'postgres';
import * as assert from 'uvu/assert';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { liveRun, type Run } from '../local/run-file.ts';
import { CHECKOUT } from '../local/servers/checkout.ts';
import { identityOf } from '../local/servers/identity.ts';
import { type Stack, startStack } from '../local/stack.ts';

/** Several cold starts in one test, on a busy machine. */
const TIMEOUT_MS = 90_000;
const PARTS = ['PostgreSQL', 'Redis', 'edge', 'origin node-1', 'origin node-2'];

describe(
  'npm start',
  ({ test, beforeEach, afterEach }) => {
    let dir = '';
    const started: ChildProcess[] = [];
    const start = async (...args: string[]) => {
      const run = await runStart(['--dir', join(dir, 'state'), ...args]);
      started.push(run.child);
      return run;
    };
    const live = () => {
      const run = liveRun(join(dir, 'state'));
      if (run === undefined) throw new Error('No stack runs');
      return run;
    };

    beforeEach(async () => {
      dir = await mkdtemp(join(tmpdir(), 'hushwire-test-'));
      // Otherwise PostgreSQL's account could not enter, and its data would go elsewhere.
      await chmod(dir, 0o711);
    });
    afterEach(async () => {
      for (const child of started.splice(0)) if (isRunning(child)) await interrupt(child);
      await rm(dir, { recursive: true });
    });

    test('it is ready at the URLs it prints, takes a free port for a busy one, and Ctrl-C ends all of it', async () => {
      const busy = createServer().listen(0, '127.0.0.1');
      await once(busy, 'listening');
      const { port } = busy.address() as { port: number };
      const { child, lines } = await start('--edge-port', String(port));
      busy.close();

      const text = lines.join('\n');
      const run = live();
      assert.match(text, new RegExp(`port ${port} is busy`));
      assert.match(text, new RegExp(`ready after \\d+\\.\\d s\\. Open ${run.edgeUrl} and chat\\.\n`));
      assert.match(text, /npm run try -- --dir \/.*state/);
      assert.is.not(new URL(run.edgeUrl ?? '').port, String(port));
      assert.equal(run.children.map(({ name }) => name).sort(), PARTS);
      assert.equal(
        run.nodes?.map(({ node }) => node),
        ['node-1', 'node-2'],
      );
      for (const url of text.match(/http:\/\/127\.0\.0\.1:\d+\/healthz/g) ?? []) await untilOk(url);
      assert.is((text.match(/\/healthz/g) ?? []).length, 3);

      await keepsItsSecrets(join(dir, 'state'));
      await refusesASecond(dir, run);

      assert.is(await interrupt(child), 0);
      assertAllGone(run);
      assert.is(liveRun(join(dir, 'state')), undefined);
    });

    test('a part that ends on its own ends the stack with 1, and says which', async () => {
      const { child, lines } = await start('--edge-port', '0', '--nodes', '1');
      const run = live();
      const ended = once(child, 'close');
      process.kill(pidOf(run, 'Redis'), 'SIGKILL');
      await ended;
      assert.is(child.exitCode, 1);
      assert.match(lines.join('\n'), /Redis ended on its own \(SIGKILL\)/);
      assertAllGone(run);
    });

    test('data survives a restart and a kill, whose remains the next start ends; --fresh forgets it', async () => {
      const state = join(dir, 'state');
      const first = await startStack({ dir: state });
      await write(first);
      const keys = await readFile(join(state, 'keys.json'), 'utf8');
      await first.stop();

      const { child } = await start('--edge-port', '0');
      const killed = live();
      child.kill('SIGKILL');
      await once(child, 'close');
      assert.not.ok(isGone(pidOf(killed, 'edge')));

      const third = await startStack({ dir: state });
      assertAllGone(killed);
      assert.equal(await readBack(third), { redis: 'kept', rows: 1 });
      assert.is(await readFile(join(state, 'keys.json'), 'utf8'), keys);
      await third.stop();

      const fresh = await startStack({ dir: state, fresh: true });
      assert.equal(await readBack(fresh), { redis: null, rows: 0 });
      assert.is.not(await readFile(join(state, 'keys.json'), 'utf8'), keys);
      await fresh.stop();
    });

    test('given services are used, and nothing local is started in their place', async () => {
      const outer = await startStack({ nodes: 1 });
      try {
        const given = {
          relayUrl: outer.redisUrl,
          databaseUrl: outer.databaseUrl,
          webOrigins: [],
          originEnv: {},
        };
        const inner = await startStack({ nodes: 1, given, dir: join(dir, 'state') });
        assert.is(inner.redisUrl, outer.redisUrl);
        assert.equal(
          live()
            .children.map(({ name }) => name)
            .sort(),
          ['edge', 'origin node-1'],
        );
        await inner.stop();
        assert.equal((await readdir(join(dir, 'state'))).sort(), ['deno', 'keys.json']);
      } finally {
        await outer.stop();
      }
    });

    test('arguments that make no sense are told in one sentence, with 2', async () => {
      for (const args of [
        ['--no-such'],
        ['extra'],
        ['--nodes', '0'],
        ['--nodes', '1.5'],
        ['--edge-port', '65536'],
      ]) {
        const child = spawnStart(args);
        const lines = collect(child);
        await once(child, 'close');
        assert.is(child.exitCode, 2, args.join(' '));
        assert.is(lines.length, 1, args.join(' '));
      }
    });
  },
  TIMEOUT_MS,
);

function spawnStart(args: readonly string[]): ChildProcess {
  const boot = join('deploy', 'local', 'boot.mjs');
  const env = { PATH: process.env.PATH, TMPDIR: process.env.TMPDIR };
  return spawn(process.execPath, [boot, 'start', ...args], {
    cwd: CHECKOUT,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Starts it and resolves once it printed the block of its ready line. */
async function runStart(args: readonly string[]): Promise<{ child: ChildProcess; lines: readonly string[] }> {
  const child = spawnStart(args);
  const lines = collect(child);
  const isOver = () => !isRunning(child) || lines.some((line) => line.startsWith('Ctrl-C ends'));
  await until(isOver, { what: 'the ready line', timeoutMs: 60_000 });
  if (!isRunning(child)) throw new Error(`npm start ended: ${lines.join('\n')}`);
  return { child, lines };
}

function collect(child: ChildProcess): string[] {
  const lines: string[] = [];
  for (const output of [child.stdout, child.stderr])
    if (output !== null) createInterface({ input: output }).on('line', (line) => lines.push(line));
  return lines;
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

async function interrupt(child: ChildProcess): Promise<number | null> {
  const closed = once(child, 'close');
  child.kill('SIGINT');
  await closed;
  return child.exitCode;
}

async function untilOk(url: string): Promise<void> {
  const isOk = async () => (await fetch(url)).ok;
  await until(isOk, { what: `200 from ${url}`, timeoutMs: 15_000 });
}

/** Nobody but its user may read the directory, and keys and passwords are readable to one account only. */
async function keepsItsSecrets(state: string): Promise<void> {
  assert.is((await stat(state)).mode & 0o067, 0);
  for (const name of ['keys.json', 'run.json'])
    assert.is((await stat(join(state, name))).mode & 0o077, 0, name);
  for (const name of ['redis', 'postgres', 'deno'])
    assert.is((await stat(join(state, name))).mode & 0o077, 0, name);
}

async function refusesASecond(dir: string, run: Run): Promise<void> {
  const second = spawnStart(['--dir', join(dir, 'state'), '--fresh']);
  const lines = collect(second);
  await once(second, 'close');
  assert.is(second.exitCode, 1);
  assert.is(lines.length, 1);
  assert.match(lines[0] ?? '', new RegExp(`already runs at ${run.edgeUrl} `));
  for (const { pid } of run.children) assert.not.ok(isGone(pid));
}

function pidOf(run: Run, name: string): number {
  const pid = run.children.find((child) => child.name === name)?.pid;
  if (pid === undefined) throw new Error(`No ${name} is recorded`);
  return pid;
}

function isGone(pid: number): boolean {
  return identityOf(pid) === undefined;
}

function assertAllGone(run: Run): void {
  for (const { name, pid } of [...run.children, run.supervisor]) assert.ok(isGone(pid), `${name} still runs`);
}

async function write(stack: Stack): Promise<void> {
  await withStores(stack, async ({ redis, sql }) => {
    await redis.set('test:kept', 'kept');
    await sql`create table test_kept (a int)`;
    await sql`insert into test_kept values (1)`;
  });
}

async function readBack(stack: Stack): Promise<{ redis: string | null; rows: number }> {
  return withStores(stack, async ({ redis, sql }) => {
    const [table] = await sql`select to_regclass('test_kept') is not null as is_there`;
    const rows = table?.is_there ? await sql`select a from test_kept` : [];
    return { redis: await redis.get('test:kept'), rows: rows.length };
  });
}

interface Stores {
  readonly redis: Redis;
  readonly sql: postgres.Sql;
}

async function withStores<T>(
  { redisUrl, databaseUrl }: Stack,
  use: (stores: Stores) => Promise<T>,
): Promise<T> {
  const redis = new Redis(redisUrl);
  const sql = postgres(databaseUrl, { max: 1 });
  try {
    return await use({ redis, sql });
  } finally {
    redis.disconnect();
    await sql.end();
  }
}
