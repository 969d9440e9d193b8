import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import postgres from 'postgres';
import * as assert from 'uvu/assert';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { CHECKOUT } from '../local/servers/checkout.ts';
import { identityOf } from '../local/servers/identity.ts';
import { startPostgres } from '../local/servers/postgres.ts';
import { startProcess } from '../local/servers/process.ts';
import { findRedis, startRedis } from '../local/servers/redis.ts';
import { temporaryDirectory } from '../local/servers/temporary.ts';
import { rejects } from './rejects.ts';

const TIMEOUT_MS = 30_000;
const isGone = (pid: number | undefined) => pid !== undefined && identityOf(pid) === undefined;

describe(
  'child process',
  ({ test }) => {
    const node = (script: string, options: object = {}) =>
      startProcess({
        name: 'child',
        command: process.execPath,
        args: ['-e', script],
        env: {},
        isReady: (line) => line === 'ready',
        ...options,
      });

    test('it is ready by what it says, and leads a process group of its own', async () => {
      const child = await node('console.log("first"); console.error("ready"); setInterval(() => {}, 1e3)');
      assert.ok(child.lines.includes('first') || child.lines.includes('ready'));
      const statText = await readOptional(`/proc/${child.pid}/stat`);
      if (statText !== undefined) assert.is(Number(statText.split(') ')[1]?.split(' ')[2]), child.pid);
      await Promise.all([child.stop(), child.stop()]);
      await child.stop();
      assert.equal(await child.ended, { code: null, signal: 'SIGTERM', wasAsked: true });
      assert.ok(isGone(child.pid));
    });

    test('one that ends before it is ready is told with its last words', async () => {
      await rejects(
        node('console.log("the reason"); process.exit(3)'),
        /Cannot start child: .*exit code 3\)\n +the reason/,
      );
    });

    test('one that never becomes ready is told, and ended', async () => {
      let pid: number | undefined;
      const onSpawn = (_name: string, spawned: number) => {
        pid = spawned;
      };
      await rejects(
        node('setInterval(() => {}, 1e3)', { readyTimeoutMs: 200, onSpawn }),
        /not ready after 0.2 s/,
      );
      assert.ok(isGone(pid));
    });

    test('a program that is not there is told by name', async () => {
      await rejects(node('', { command: '/no/such/program' }), /no\/such\/program/);
    });

    test('one that ignores the polite signal is killed', async () => {
      const script = 'process.on("SIGTERM", () => {}); console.log("ready"); setInterval(() => {}, 1e3)';
      const child = await node(script, { stopTimeoutMs: 200 });
      await child.stop();
      assert.is((await child.ended).signal, 'SIGKILL');
    });

    test('an end that nobody asked for is told apart', async () => {
      const child = await node('console.log("ready"); setTimeout(() => process.exit(7), 50)');
      assert.equal(await child.ended, { code: 7, signal: null, wasAsked: false });
    });

    test('it inherits nothing from our environment', async () => {
      const child = await node('console.log(JSON.stringify(process.env)); console.log("ready")', {
        env: { ONLY: 'this' },
      });
      assert.equal(JSON.parse(child.lines[0] ?? ''), { ONLY: 'this' });
      await child.ended;
    });
  },
  TIMEOUT_MS,
);

describe(
  'redis launcher',
  ({ test }) => {
    test('it wants the password of its URL, evicts nothing and keeps nothing', async () => {
      const server = await startRedis();
      const redis = new Redis(server.url);
      const stranger = new Redis(server.port, {
        retryStrategy: null,
        lazyConnect: true,
        enableReadyCheck: false,
        protocol: 2,
        disconnectTimeout: 100,
      });
      stranger.on('error', () => undefined);
      try {
        assert.equal(await redis.config('GET', 'maxmemory-policy'), ['maxmemory-policy', 'noeviction']);
        assert.equal(await redis.config('GET', 'appendonly'), ['appendonly', 'no']);
        assert.equal(await redis.config('GET', 'bind'), ['bind', '127.0.0.1']);
        await rejects(
          stranger.connect().then(() => stranger.get('a')),
          /NOAUTH/,
        );
      } finally {
        redis.disconnect();
        stranger.disconnect();
        await server.stop();
      }
      assert.ok(isGone(server.pid));
    });

    test('with a directory, what was written is there after a restart', async () => {
      const dir = await mkdtemp(join(tmpdir(), 'hushwire-test-'));
      try {
        for (const expected of [null, 'kept']) {
          const server = await startRedis({ dir });
          const redis = new Redis(server.url);
          assert.is(await redis.get('key'), expected);
          await redis.set('key', 'kept');
          redis.disconnect();
          await server.stop();
        }
      } finally {
        await rm(dir, { recursive: true });
      }
    });

    test('a missing, broken or old server program is told in plain words', async () => {
      const dir = await mkdtemp(join(tmpdir(), 'hushwire-test-'));
      const old = join(dir, 'old-server');
      await writeFile(old, '#!/bin/sh\necho "Redis server v=6.2.1 sha=0"\n', { mode: 0o755 });
      try {
        await rejects(findRedis({ PATH: dir }), /no redis-server or valkey-server on the PATH/);
        await rejects(findRedis({ HUSHWIRE_REDIS_SERVER: join(dir, 'none') }), /does not run/);
        await rejects(findRedis({ HUSHWIRE_REDIS_SERVER: old }), /version 6, wanted is 7 or newer/);
      } finally {
        await rm(dir, { recursive: true });
      }
    });
  },
  TIMEOUT_MS,
);

describe(
  'postgres launcher',
  ({ test }) => {
    const ask = async <T>(url: string, query: (sql: postgres.Sql) => Promise<T>): Promise<T> => {
      const sql = postgres(url, { max: 1, connect_timeout: 5, onnotice: () => undefined });
      try {
        return await query(sql);
      } finally {
        await sql.end();
      }
    };

    test('two of them run side by side, each with a password of its own and without Unix sockets', async () => {
      const servers = await Promise.all([startPostgres(), startPostgres()]);
      try {
        for (const { url } of servers) {
          const rows = await ask(
            url,
            (sql) => sql`select current_setting('listen_addresses') as listen,
          current_setting('unix_socket_directories') as sockets, current_setting('server_encoding') as encoding`,
          );
          assert.equal([...rows], [{ listen: '127.0.0.1', sockets: '', encoding: 'UTF8' }]);
        }
        const wrong = (servers[0]?.url ?? '').replace(/:[^:@]+@/, ':wrong@');
        await rejects(
          ask(wrong, (sql) => sql`select 1`),
          /password authentication failed/,
        );
      } finally {
        await Promise.all(servers.map((server) => server.stop()));
      }
      for (const { pid } of servers) assert.ok(isGone(pid));
    });

    test('a server left by a killed process is ended, and its data is there', async () => {
      const parent = await mkdtemp(join(tmpdir(), 'hushwire-test-'));
      const dir = join(parent, 'postgres');
      const program = await runProgram('wait', dir);
      const [redisPid, oldPid] = program.pids;
      let server: Awaited<ReturnType<typeof startPostgres>> | undefined;
      try {
        program.child.kill('SIGKILL');
        await once(program.child, 'exit');
        assert.not.ok(isGone(oldPid));
        server = await startPostgres({ dir });
        assert.ok(isGone(oldPid));
        await ask(server.url, (sql) => sql`create table kept (a int)`);
        await server.stop();
        server = await startPostgres({ dir });
        assert.equal([...(await ask(server.url, (sql) => sql`select * from kept`))], []);
        assert.is((await stat(join(dir, 'password'))).mode & 0o777, 0o600);
      } finally {
        if (redisPid !== undefined) process.kill(redisPid, 'SIGKILL');
        await server?.stop();
        await rm(parent, { recursive: true });
      }
    });

    test('a lock file that names a stranger harms neither the stranger nor the start', async () => {
      const parent = await mkdtemp(join(tmpdir(), 'hushwire-test-'));
      const dir = join(parent, 'postgres');
      const stranger = spawn('sleep', ['60']);
      try {
        await (await startPostgres({ dir })).stop();
        await writeFile(join(dir, 'data', 'postmaster.pid'), `${stranger.pid}\n${join(dir, 'data')}\n`);
        await (await startPostgres({ dir })).stop();
        assert.not.ok(isGone(stranger.pid));
      } finally {
        stranger.kill('SIGKILL');
        await rm(parent, { recursive: true });
      }
    });

    test('a cluster whose making was cut short is made anew', async () => {
      const parent = await mkdtemp(join(tmpdir(), 'hushwire-test-'));
      const dir = join(parent, 'postgres');
      try {
        await (await startPostgres({ dir })).stop();
        await rm(join(dir, 'initialised'));
        await rm(join(dir, 'data', 'PG_VERSION'));
        await (await startPostgres({ dir })).stop();
      } finally {
        await rm(parent, { recursive: true });
      }
    });
  },
  TIMEOUT_MS,
);

describe(
  'servers of a process that ends badly',
  ({ test, after }) => {
    // What such a process cannot remove itself, the next one does.
    after(async () => {
      for (const kind of ['postgres', 'redis']) await rm(await temporaryDirectory(kind), { recursive: true });
    });

    test('none outlives an error that nobody catches', async () => {
      const { child, pids } = await runProgram('throw');
      if (child.exitCode === null) await once(child, 'exit');
      assert.is(child.exitCode, 1);
      await until(() => pids.every(isGone), { what: 'the end of both servers', timeoutMs: 10_000 });
    });

    test('none outlives a signal that nobody handles, and the exit code is the usual one', async () => {
      const programs = await Promise.all([runProgram('wait'), runProgram('wait')]);
      const ends = programs.map(({ child }) => once(child, 'exit'));
      programs[0]?.child.kill('SIGINT');
      programs[1]?.child.kill('SIGTERM');
      await Promise.all(ends);
      assert.equal(
        programs.map(({ child }) => child.exitCode),
        [130, 143],
      );
      const pids = programs.flatMap((program) => program.pids);
      await until(() => pids.every(isGone), { what: 'the end of every server', timeoutMs: 10_000 });
    });
  },
  TIMEOUT_MS,
);

interface Program {
  readonly child: ChildProcess;
  readonly pids: readonly number[];
}

/** Runs `programs/servers.ts` and resolves when its servers are ready. */
async function runProgram(ending: string, dir?: string): Promise<Program> {
  const program = join('deploy', 'test', 'programs', 'servers.ts');
  const args = ['--import', 'tsx', program, ending, ...(dir === undefined ? [] : [dir])];
  const child = spawn(process.execPath, args, { cwd: CHECKOUT, stdio: ['ignore', 'pipe', 'ignore'] });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { child, pids: (JSON.parse(line) as { ready: number[] }).ready };
}

async function readOptional(path: string): Promise<string | undefined> {
  return existsSync(path) ? readFile(path, 'utf8') : undefined;
}
