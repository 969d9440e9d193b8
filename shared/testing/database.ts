import { randomBytes } from 'node:crypto';
import postgres from 'postgres';
import { startPostgres } from '../../deploy/local/servers/postgres.ts';

export interface TestDatabase {
  readonly url: string;
  /** Drops the database, even with connections open, and ends the server if this call started one. */
  drop(): Promise<void>;
}

/**
 * A new, empty database with a name of its own on the server of `TEST_DATABASE_URL` (`npm test` starts one for the
 * whole run), or on a server started for it when that is unset.
 */
export async function createDatabase(): Promise<TestDatabase> {
  const given = process.env.TEST_DATABASE_URL || undefined;
  const server = given === undefined ? await startPostgres() : { url: given, stop: async () => undefined };
  const name = `hw_test_${randomBytes(8).toString('hex')}`;
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  await execute(server.url, `create database ${name}`);
  return {
    url: url.href,
    drop: async () => {
      if (given !== undefined) await execute(server.url, `drop database ${name} with (force)`);
      await server.stop();
    },
  };
}

/** One statement on a connection of its own; `create database` allows neither a transaction nor a parameter. */
async function execute(serverUrl: string, statement: string): Promise<void> {
  const sql = postgres(serverUrl, { max: 1, onnotice: () => undefined });
  try {
    await sql.unsafe(statement);
  } finally {
    await sql.end();
  }
}
