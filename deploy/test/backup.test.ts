import { execFile } from 'node:child_process';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import postgres from 'postgres';
import * as assert from 'uvu/assert';
import { createDatabase } from '../../shared/testing/database.ts';
import { describe } from '../../shared/testing/suite.ts';
import { prune } from '../backup/dump.ts';
import { CHECKOUT } from '../local/servers/checkout.ts';
import { temporaryDirectory } from '../local/servers/temporary.ts';

const run = promisify(execFile);
const TAG = 'a'.repeat(22);

describe('backup and restore', ({ test, needs, before, after }) => {
  for (const tool of ['pg_dump', 'age']) needs(tool);
  let directory: string;
  let identity: string;
  let recipient: string;
  let file: string;
  const databases: { url: string; drop(): Promise<void> }[] = [];
  const database = async () => {
    const made = await createDatabase();
    databases.push(made);
    return made.url;
  };
  before(async () => {
    directory = await temporaryDirectory('backup');
    identity = join(directory, 'identity');
    await run('age-keygen', ['-o', identity]);
    recipient = (await run('age-keygen', ['-y', identity])).stdout.trim();
  });
  after(async () => {
    for (const { drop } of databases) await drop();
    await rm(directory, { recursive: true, force: true });
  });

  const backups = () => join(directory, 'backups');
  const restore = (url: string, ...args: string[]) =>
    script(url, 'restore', '--file', file, '--identity', identity, ...args);

  test('dumps one snapshot, encrypted, with a manifest; tells collectors and copies off site', async () => {
    const url = await database();
    await fill(url);
    const metrics = join(directory, 'backup.prom');
    const options = ['--directory', backups(), '--recipient', recipient, '--metrics', metrics];
    const offsite = join(directory, 'offsite.sh');
    await writeFile(offsite, `#!/bin/sh\ncp "$1" "$2" ${directory}\n`, { mode: 0o755 });
    const { code, err } = await script(url, 'backup', ...options, '--offsite', offsite);
    assert.equal([code, err], [0, '']);
    const names = await readdir(backups());
    assert.is(names.length, 2);
    file = join(backups(), names.find((name) => name.endsWith('.dump.age')) ?? '');
    assert.not((await readFile(file)).includes('hushwire'), 'the dump is not readable');
    assert.match(await readFile(metrics, 'utf8'), /^hushwire_backup_timestamp_seconds \d+$/m);
    assert.ok((await readdir(directory)).some((name) => name.endsWith('.dump.age')));
  });

  test('restores into an empty database, the same to the row', async () => {
    const url = await database();
    const { code, out } = await restore(url);
    assert.is(code, 0);
    assert.match(out, 'every table is as it was');
    assert.is(await countAccounts(url), 1);
  });

  test('does not touch a database that is in use, unless told to', async () => {
    const url = await database();
    await createSchema(url);
    const refused = await restore(url);
    assert.is(refused.code, 1);
    assert.match(refused.err, '--replace throws it away first');
    assert.is(await countAccounts(url), 0);
    assert.is((await restore(url, '--replace')).code, 0);
    assert.is(await countAccounts(url), 1);
  });

  test('refuses a damaged file and another key, and leaves nothing half restored', async () => {
    const url = await database();
    const other = join(directory, 'other');
    await run('age-keygen', ['-o', other]);
    const wrongKey = await script(url, 'restore', '--file', file, '--identity', other);
    assert.is(wrongKey.code, 1);
    assert.match(wrongKey.err, 'Not restored: ');
    const whole = await readFile(file);
    await writeFile(file, whole.subarray(0, -1));
    const damaged = await restore(url);
    await writeFile(file, whole);
    assert.match(damaged.err, 'is damaged');
    assert.is(await countAccounts(url).catch(() => 'no table'), 'no table');
  });

  test('says what failed: no database, no such off-site program; and leaves no half file', async () => {
    const where = join(directory, 'elsewhere');
    const options = ['--directory', where, '--recipient', recipient];
    const none = await script('postgres://nobody:x@127.0.0.1:1/x', 'backup', ...options);
    assert.is(none.code, 1);
    assert.match(none.err, /^No backup was made: The database cannot be read/);
    assert.equal(await readdir(where), []);
    const url = await database();
    await fill(url);
    const unsent = await script(url, 'backup', ...options, '--offsite', '/nowhere/at/all');
    assert.is(unsent.code, 1);
    assert.match(unsent.err, '/nowhere/at/all cannot run');
  });

  test('removes what is too old, but never the newest', async () => {
    const where = await temporaryDirectory('prune');
    for (const day of ['01', '02', '20'])
      for (const end of ['dump.age', 'json'])
        await writeFile(join(where, `hushwire-2026-01-${day}T00-00.${end}`), '');
    const nowMs = Date.parse('2026-01-21T00:00:00Z');
    assert.equal(await prune(where, { keepDays: 14, nowMs }), [
      'hushwire-2026-01-01T00-00.dump.age',
      'hushwire-2026-01-02T00-00.dump.age',
    ]);
    assert.equal(await prune(where, { keepDays: 1, nowMs: nowMs + 1e10 }), []);
    assert.is((await readdir(where)).length, 2);
    await rm(where, { recursive: true, force: true });
  });

  test('refuses options that make no sense', async () => {
    assert.is((await script('', 'backup', '--directory', 'x', '--recipient', recipient)).code, 2);
    assert.is((await script('postgres://x', 'backup', '--directory', 'x', '--recipient', 'age1x')).code, 2);
    assert.is((await script('postgres://x', 'restore', '--nope')).code, 2);
  });
}, 60_000);

describe('npm run drill', ({ test, needs }) => {
  for (const tool of ['pg_dump', 'age']) needs(tool);

  test('every disaster is recovered from, and nothing is lost that the recovery point keeps', async () => {
    const { code, out } = await script('', 'drill');
    assert.is(code, 0, out);
    const last = JSON.parse(out.trim().split('\n').at(-1) ?? '') as Record<string, { rpoSeconds: number }>;
    assert.equal(Object.keys(last), ['redis', 'dump', 'pointInTime', 'failed']);
    assert.is(last.pointInTime?.rpoSeconds, 0);
  });
}, 120_000);

async function fill(url: string): Promise<void> {
  await createSchema(url);
  const sql = postgres(url, { max: 1 });
  await sql`insert into hushwire.accounts (account, sealed, created_on) values (${TAG}, '1.abc', '2026-01-01')`;
  await sql.end();
}

/** Enough of ours to be recognised; the drill takes the whole of it. */
async function createSchema(url: string): Promise<void> {
  const sql = postgres(url, { max: 1 });
  await sql`create schema hushwire`;
  await sql`create table hushwire.migrations (number integer primary key)`;
  await sql`create domain hushwire.tag as text check (value ~ '^[A-Za-z0-9_-]{22}$')`;
  await sql`create table hushwire.accounts (account hushwire.tag primary key, sealed text, created_on date)`;
  await sql.end();
}

async function countAccounts(url: string): Promise<number> {
  const sql = postgres(url, { max: 1 });
  try {
    const [row] = await sql<{ count: number }[]>`select count(*)::integer as count from hushwire.accounts`;
    return row?.count ?? -1;
  } finally {
    await sql.end();
  }
}

function script(databaseUrl: string, name: string, ...args: string[]) {
  const command = [join('deploy', 'local', 'boot.mjs'), name, ...args];
  const env = { ...process.env, DATABASE_URL: databaseUrl, HUSHWIRE_ORIGIN_DATABASE_URL: '' };
  return new Promise<{ code: number; out: string; err: string }>((resolve) => {
    execFile(process.execPath, command, { cwd: CHECKOUT, env }, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, out, err });
    });
  });
}
