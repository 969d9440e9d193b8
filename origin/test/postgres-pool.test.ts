import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { startPostgres } from '../../deploy/local/servers/postgres.ts';
import { createDatabase, type TestDatabase } from '../../shared/testing/database.ts';
import { rejectsWith, until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { PostgresPool } from '../adapters/postgres-pool.ts';

/** As in production, only shorter. */
const LIMITS = { statementMs: 400, answerMs: 600, waitMs: 300, waiting: 100 };

describe('postgres pool', ({ test, before, afterEach, after }) => {
  let database: TestDatabase;
  const pools: PostgresPool[] = [];
  const events: string[] = [];
  const open = (url: string, { max = 4, isPrepared = true } = {}) => {
    const log = (_: unknown, event: string) => void events.push(event);
    const pool = new PostgresPool({ url, max, isPrepared, log, limits: LIMITS });
    pools.push(pool);
    return pool;
  };
  const isUp = async (pool: PostgresPool) =>
    pool.run('select true').then(
      () => true,
      () => false,
    );
  before(async () => {
    database = await createDatabase();
  });
  afterEach(async () => {
    await Promise.all(pools.splice(0).map((pool) => pool.close(100)));
    events.length = 0;
  });
  after(() => database.drop());

  test('more callers than connections wait their turn', async () => {
    const pool = open(database.url, { max: 3 });
    const rows = await Promise.all(
      Array.from({ length: 90 }, (_, i) =>
        pool.run<{ n: number }>('select $1::text::integer as n', [`${i}`]),
      ),
    );
    assert.equal(
      rows.map(([row]) => row?.n),
      Array.from({ length: 90 }, (_, i) => i),
    );
    const [row] = await pool.run<{ n: number }>(
      "select count(*)::integer as n from pg_stat_activity where datname = current_database() and application_name = 'hushwire-origin'",
    );
    assert.ok((row?.n ?? 0) <= 3, String(row?.n));
  });

  test('when it is exhausted, callers are refused at once or after their wait, and then it works again', async () => {
    const pool = open(database.url, { max: 2 });
    await pool.run('select true');
    const startedMs = performance.now();
    const answers = await Promise.allSettled(
      Array.from({ length: 200 }, () => pool.run('select pg_sleep(0.1)')),
    );
    assert.ok(performance.now() - startedMs < 1_500);
    const done = answers.filter(({ status }) => status === 'fulfilled').length;
    assert.ok(done >= 4 && done <= 10, `${done}`);
    for (const answer of answers)
      if (answer.status === 'rejected') assert.is(answer.reason.code, 'unavailable');
    assert.ok(await isUp(pool));
    assert.equal(events, []);
  });

  test('a statement that takes too long is ended by the server, and the connections stay', async () => {
    const pool = open(database.url);
    await rejectsWith(pool.run('select pg_sleep(30)'), 'unavailable');
    assert.ok(await isUp(pool));
    assert.equal(events, []);
  });

  test('without prepared statements, and so without the server timeout, our own deadline holds', async () => {
    const pool = open(database.url, { isPrepared: false });
    const [row] = await pool.run<{ at: string }>("select current_setting('statement_timeout') as at");
    assert.is(row?.at, '0');
    await rejectsWith(pool.run('select pg_sleep(3)'), 'unavailable');
    assert.ok(await isUp(pool));
    assert.equal(events, ['postgres.replaced']);
  });

  test('a broken statement is internal and says nothing of the driver', async () => {
    const pool = open(database.url);
    const failure = await rejectsWith(pool.run('select * from nowhere_to_be_found'), 'internal');
    assert.not.match(failure.message, 'nowhere');
    assert.is(failure.detail, undefined);
  });

  test('connections whose peer vanished are given up within the deadline, and new ones serve', async () => {
    const proxy = await startProxy(database.url);
    const pool = open(proxy.url, { max: 3 });
    await Promise.all([isUp(pool), isUp(pool), isUp(pool)]);
    proxy.vanish();
    const startedMs = performance.now();
    const answers = await Promise.all(Array.from({ length: 9 }, () => isUp(pool)));
    assert.ok(performance.now() - startedMs < 1_500);
    assert.ok(answers.every((answer) => !answer));
    assert.ok(await isUp(pool));
    assert.equal(events, ['postgres.replaced']);
    await proxy.stop();
  });

  test('connections to a server that became a standby are given up', async () => {
    const name = new URL(database.url).pathname.slice(1);
    const setting = `alter database ${name}`;
    const other = open(database.url, { max: 1 });
    await other.run('create table written (n integer)');
    await other.run(`${setting} set default_transaction_read_only = on`);
    const pool = open(database.url, { max: 2 });
    await rejectsWith(pool.run('insert into written values (1)'), 'unavailable');
    await other.run(`${setting} reset default_transaction_read_only`);
    const write = () =>
      pool.run('insert into written values (1)').then(
        () => true,
        () => false,
      );
    assert.is(await write(), false);
    await until(write, { what: 'connections of a later time' });
    assert.equal(events, ['postgres.replaced']);
  });

  test('a server that accepts and hangs up is unavailable, and is not dialled in a frenzy', async () => {
    const proxy = await startProxy(database.url);
    proxy.hangUp(true);
    const pool = open(proxy.url, { max: 3 });
    const startedMs = performance.now();
    const answers = await Promise.all(Array.from({ length: 9 }, () => isUp(pool)));
    assert.ok(performance.now() - startedMs < 1_500);
    assert.ok(answers.every((answer) => !answer));
    assert.ok(proxy.dialled() <= 30, `${proxy.dialled()}`);
    proxy.hangUp(false);
    await until(() => isUp(pool), { what: 'an answer' });
    await proxy.stop();
  });
}, 20_000);

describe('postgres pool over a restart', ({ test, after }) => {
  const cleanups: (() => Promise<unknown>)[] = [];
  after(async () => {
    for (const cleanup of cleanups) await cleanup();
  });

  test('statements fail within a second while Postgres is away, and work again when it is back', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'hushwire-pool-'));
    cleanups.push(() => rm(dir, { recursive: true, force: true }));
    const first = await startPostgres({ dir: join(dir, 'postgres') });
    const pool = new PostgresPool({ url: first.url, max: 4, isPrepared: true, log: () => undefined });
    cleanups.unshift(() => pool.close());
    await Promise.all(Array.from({ length: 8 }, () => pool.run('select $1::text', ['x'])));
    const running = pool.run('select pg_sleep(1.5)');
    await Promise.all([first.stop(), rejectsWith(running, 'unavailable')]);
    for (let round = 0; round < 3; round += 1) {
      const startedMs = performance.now();
      const answers = await Promise.allSettled(
        Array.from({ length: 10 }, () => pool.run('select $1::text', ['x'])),
      );
      assert.ok(performance.now() - startedMs < 1_000, `${performance.now() - startedMs}`);
      for (const answer of answers)
        assert.is(answer.status === 'rejected' && answer.reason.code, 'unavailable');
    }
    const second = await startPostgres({ dir: join(dir, 'postgres'), port: first.port });
    cleanups.unshift(() => second.stop());
    await until(
      () =>
        pool.run('select $1::text', ['x']).then(
          () => true,
          () => false,
        ),
      { what: 'recovery' },
    );
  });
}, 30_000);

/** A TCP proxy to Postgres whose connections can fall silent without an end, as behind a dead network. */
async function startProxy(databaseUrl: string) {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let silent = new WeakSet<Socket>();
  let isHangingUp = false;
  let dialled = 0;
  const server: Server = createServer((client) => {
    dialled += 1;
    if (isHangingUp) {
      client.resume().end();
      return;
    }
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => sockets.delete(socket));
    }
    client.on('data', (data) => silent.has(client) || upstream.write(data));
    upstream.on('data', (data) => silent.has(client) || client.write(data));
    upstream.on('close', () => silent.has(client) || client.destroy());
    client.on('close', () => upstream.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(databaseUrl);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    /** Every connection there is falls silent; new ones work. */
    vanish: () => {
      silent = new WeakSet(sockets);
    },
    hangUp: (is: boolean) => {
      isHangingUp = is;
    },
    dialled: () => dialled,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
