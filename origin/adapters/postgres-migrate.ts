/**
 * Forward-only schema migrations: `origin/migrations/<number>-<name>.sql`, in one transaction, whoever comes first.
 *
 * What was applied is kept in `hushwire.migrations` with a checksum, so that a file that was changed afterwards is
 * noticed. Each file names in its first line the oldest program that may run on its schema, by that program's newest
 * migration: `-- oldest-program: 3` on migration 5 says that programs which know 3 and 4 may go on. That is what lets a
 * rolling deploy migrate with its first node, and stops a program that is too old.
 *
 * Two that start at once are kept apart by a lock that ends with the transaction, which transaction poolers allow,
 * unlike a session's (PostgreSQL manual, "Advisory Locks").
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import postgres from 'postgres';
import type { Log } from '../../shared/log.ts';
import { toDatabaseFailure } from './postgres-failure.ts';

export interface MigrateOptions {
  readonly url: string;
  readonly log: Log;
  /** Where the files are; by default those of this program. */
  readonly directory?: URL;
}

/** The schema is not one this program may touch; the message says why and holds no secret. */
export class MigrationRefused extends Error {
  constructor(reason: string) {
    super(`Cannot use this database: ${reason}`);
    this.name = 'MigrationRefused';
  }
}

const DIRECTORY = new URL('../migrations/', import.meta.url);
/** `hushwire` in ASCII, as a 64-bit number: nobody else's lock by accident. */
const LOCK_KEY = BigInt('0x6875736877697265').toString();
const BOOKKEEPING = `
create schema hushwire;
create table hushwire.migrations (
  number integer primary key,
  name text not null,
  checksum text not null,
  oldest_program integer not null,
  applied_on date not null
)`;
/** Longest a migration, or the wait for another node's, may take. */
const LIMIT = '60s';
const CONNECT_TIMEOUT_SECONDS = 5;

/**
 * Brings the schema up to this program's newest migration; resolves with how many were applied. Throws
 * MigrationRefused, or a Failure `unavailable` or `internal`; nothing is changed then.
 */
export async function migrate({ url, log, directory = DIRECTORY }: MigrateOptions): Promise<number> {
  const known = await readMigrations(directory);
  const sql = postgres(url, {
    max: 1,
    prepare: false,
    fetch_types: false,
    connect_timeout: CONNECT_TIMEOUT_SECONDS,
    onnotice: () => undefined,
    connection: { application_name: 'hushwire-migrate' },
  });
  try {
    const applied = await sql.begin((transaction) => apply(transaction, known));
    for (const { name } of applied) log('info', 'postgres.migrated', { part: 'postgres', version: name });
    return applied.length;
  } catch (error) {
    throw error instanceof MigrationRefused ? error : toDatabaseFailure(error);
  } finally {
    await sql.end({ timeout: CONNECT_TIMEOUT_SECONDS });
  }
}

interface Migration {
  readonly number: number;
  readonly name: string;
  readonly text: string;
  readonly checksum: string;
  readonly oldestProgram: number;
}

async function readMigrations(directory: URL): Promise<readonly Migration[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.sql')).toSorted();
  const migrations = await Promise.all(names.map((name) => readMigration(new URL(name, directory), name)));
  for (const [index, { name, number }] of migrations.entries())
    if (number !== index + 1) throw new MigrationRefused(`${name} is out of sequence`);
  return migrations;
}

async function readMigration(file: URL, name: string): Promise<Migration> {
  // A checkout may end lines in its own way; the checksum must not care.
  const text = (await readFile(file, 'utf8')).replaceAll('\r\n', '\n');
  const number = /^(\d{4})-[a-z0-9-]+\.sql$/.exec(name)?.[1];
  const oldestProgram = /^-- oldest-program: (\d+)\n/.exec(text)?.[1];
  if (number === undefined) throw new MigrationRefused(`${name} is not named like 0001-name.sql`);
  if (oldestProgram === undefined)
    throw new MigrationRefused(`${name} does not begin with -- oldest-program`);
  const checksum = createHash('sha256').update(text).digest('hex');
  return { number: Number(number), name, text, checksum, oldestProgram: Number(oldestProgram) };
}

async function apply(
  sql: postgres.TransactionSql,
  known: readonly Migration[],
): Promise<readonly Migration[]> {
  await sql.unsafe(`set local statement_timeout = '${LIMIT}'; set local lock_timeout = '${LIMIT}'`);
  await sql.unsafe(`select pg_advisory_xact_lock(${LOCK_KEY})`);
  const [state] = await sql`select to_regclass('hushwire.migrations') is null as is_new`;
  // Asked first: on a database that is up to date, a role that may create nothing can still start.
  if (state?.is_new === true) await sql.unsafe(BOOKKEEPING);
  const missing = plan(known, await readApplied(sql));
  for (const { number, name, text, checksum, oldestProgram } of missing) {
    await sql.unsafe(text);
    await sql`insert into hushwire.migrations
      values (${number}, ${name}, ${checksum}, ${oldestProgram}, (now() at time zone 'utc')::date)`;
  }
  return missing;
}

interface Applied {
  readonly number: number;
  readonly name: string;
  readonly checksum: string;
  readonly oldest_program: number;
}

function readApplied(sql: postgres.TransactionSql): Promise<readonly Applied[]> {
  return sql<
    Applied[]
  >`select number, name, checksum, oldest_program from hushwire.migrations order by number`;
}

/** What is still to be applied; throws MigrationRefused when the database is not one of ours to continue. */
function plan(known: readonly Migration[], applied: readonly Applied[]): readonly Migration[] {
  const newest = known.length;
  for (const [index, { number, name, checksum, oldest_program: oldestProgram }] of applied.entries()) {
    if (number !== index + 1) throw new MigrationRefused(`migration ${index + 1} was never applied to it`);
    const own = known[index];
    if (own !== undefined && own.checksum !== checksum)
      throw new MigrationRefused(`${own.name} differs from the ${name} that was applied to it`);
    if (own === undefined && oldestProgram > newest)
      throw new MigrationRefused(`it has ${name}, which needs a newer program than this one`);
  }
  return known.slice(applied.length);
}
