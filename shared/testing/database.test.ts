import postgres from 'postgres';
import * as assert from 'uvu/assert';
import { createDatabase } from './database.ts';
import { describe } from './suite.ts';

/** Without TEST_DATABASE_URL a server is made for each database. */
const TIMEOUT_MS = 30_000;

describe(
  'createDatabase',
  ({ test }) => {
    test('gives databases that do not see each other, and drops them with connections open', async () => {
      const [one, other] = await Promise.all([createDatabase(), createDatabase()]);
      const sql = postgres(one.url, { max: 1 });
      await sql`create table marks (id int)`;
      assert.is(await tables(one.url), 1);
      assert.is(await tables(other.url), 0);
      await Promise.all([one.drop(), other.drop()]);
      await sql.end();
      const outcome = await tables(one.url).catch((error: unknown) => error);
      assert.instance(outcome, Error);
    });
  },
  TIMEOUT_MS,
);

async function tables(url: string): Promise<number> {
  const sql = postgres(url, { max: 1, connect_timeout: 2 });
  try {
    const rows = await sql`select 1 from information_schema.tables where table_schema = 'public'`;
    return rows.length;
  } finally {
    await sql.end();
  }
}
