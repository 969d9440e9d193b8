import postgres from 'postgres';
import * as assert from 'uvu/assert';
import { startPgBouncer } from '../../deploy/local/servers/pgbouncer.ts';
import type { Running } from '../../deploy/local/servers/process.ts';
import { createDatabase, type TestDatabase } from '../../shared/testing/database.ts';
import { rejectsWith } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { migrate } from '../adapters/postgres-migrate.ts';
import { POOL_LIMITS, PostgresPool } from '../adapters/postgres-pool.ts';

const SERVER_CONNECTIONS = 3;

describe('Behind a real PgBouncer in transaction mode', ({ test, before, after, needs }) => {
  needs('pgbouncer');
  let database: TestDatabase;
  let pooler: Running;
  let role = '';
  const open = (isPrepared: boolean) =>
    new PostgresPool({ url: pooler.url, isPrepared, max: 20, log: () => undefined });
  before(async () => {
    database = await createDatabase();
    const url = new URL(database.url);
    role = `pooled_${url.pathname.slice(-8)}`;
    const sql = postgres(database.url, { max: 1 });
    // What the operator does once, since a pooler lets no client set it.
    await sql.unsafe(`create role ${role} login superuser password 'pooled'`);
    await sql.unsafe(`alter role ${role} set statement_timeout = '400ms'`);
    await sql.end();
    url.username = role;
    url.password = 'pooled';
    pooler = await startPgBouncer({ databaseUrl: url.href, poolSize: SERVER_CONNECTIONS });
  });
  after(async () => {
    await pooler.stop();
    const admin = postgres(database.url, { max: 1 });
    await admin.unsafe(`drop owned by ${role}; drop role ${role}`);
    await admin.end();
    await database.drop();
  });

  test('migrates, as several nodes that start at once', async () => {
    const url = pooler.url;
    await Promise.all([1, 2, 3, 4].map(() => migrate({ url, log: () => undefined })));
  });

  test('200 statements at a time share three connections of the server', async () => {
    const pool = open(false);
    const rows = await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        pool.runInOrder<{ n: number; pid: number }>([
          { statement: 'select $1::text::integer as n, pg_backend_pid() as pid', parameters: [`${i}`] },
        ]),
      ),
    );
    assert.equal(
      rows.map(([answer]) => answer?.[0]?.n),
      Array.from({ length: 200 }, (_, i) => i),
    );
    const servers = new Set(rows.map(([answer]) => answer?.[0]?.pid));
    assert.ok(servers.size <= SERVER_CONNECTIONS, `${servers.size} connections`);
    await pool.close(100);
  });

  test('the role’s statement timeout ends what takes too long, long before our deadline', async () => {
    const pool = open(false);
    const startedMs = performance.now();
    await rejectsWith(pool.run('select pg_sleep(5)'), 'unavailable');
    assert.ok(performance.now() - startedMs < POOL_LIMITS.statementMs);
    await pool.close(100);
  });

  test('the switch is needed: what prepared statements need is refused', async () => {
    const pool = open(true);
    await rejectsWith(pool.run('select 1'), 'unavailable');
    await pool.close(100);
  });
});
