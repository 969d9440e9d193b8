import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import postgres from 'postgres';
import * as assert from 'uvu/assert';
import { freePort } from '../../deploy/local/ports.ts';
import { createDatabase, type TestDatabase } from '../../shared/testing/database.ts';
import { rejectsWith } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { MigrationRefused, migrate } from '../adapters/postgres-migrate.ts';

const log = () => undefined;
const FIRST = '-- oldest-program: 1\ncreate table hushwire.one (n integer);\n';
const SECOND = '-- oldest-program: 1\ncreate table hushwire.two (n integer);\n';

describe('migrations', ({ test, before, afterEach, after }) => {
  let database: TestDatabase;
  let raw: postgres.Sql;
  const directories: string[] = [];
  before(async () => {
    database = await createDatabase();
    raw = postgres(database.url, { max: 1, onnotice: () => undefined });
  });
  after(async () => {
    await raw.end();
    await database.drop();
  });
  afterEach(async () => {
    await raw`drop schema if exists hushwire cascade`;
    for (const directory of directories.splice(0)) await rm(directory, { recursive: true });
  });
  const write = async (files: Readonly<Record<string, string>>) => {
    const directory = await mkdtemp(join(tmpdir(), 'hushwire-migrations-'));
    directories.push(directory);
    for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
    return pathToFileURL(`${directory}/`);
  };
  const migrateTo = async (files: Readonly<Record<string, string>>) =>
    migrate({ url: database.url, log, directory: await write(files) });
  const refuses = async (attempt: Promise<unknown>, reason: RegExp) => {
    const error = await attempt.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    assert.instance(error, MigrationRefused);
    assert.match((error as Error).message, reason);
  };
  const tables = async () => {
    const rows = await raw<{ name: string }[]>`
      select tablename as name from pg_tables where schemaname = 'hushwire' order by 1`;
    return rows.map(({ name }) => name);
  };

  test('of several that start at once each file is applied by exactly one', async () => {
    const files = await readdir(new URL('../migrations/', import.meta.url));
    const applied = await Promise.all(Array.from({ length: 5 }, () => migrate({ url: database.url, log })));
    assert.equal(applied.toSorted(), [0, 0, 0, 0, files.length]);
    assert.ok((await tables()).includes('members'));
    assert.is(await migrate({ url: database.url, log }), 0);
  });

  test('later files are applied to what is there, in order', async () => {
    assert.is(await migrateTo({ '0001-one.sql': FIRST }), 1);
    assert.is(await migrateTo({ '0001-one.sql': FIRST, '0002-two.sql': SECOND }), 1);
    assert.equal(await tables(), ['migrations', 'one', 'two']);
  });

  test('a file that fails leaves nothing of any file', async () => {
    const broken = '-- oldest-program: 1\ncreate table hushwire.two (n integer); select nonsense;';
    await rejectsWith(migrateTo({ '0001-one.sql': FIRST, '0002-two.sql': broken }), 'internal');
    assert.equal(await tables(), []);
  });

  test('a file that was changed after it was applied is refused; another way to end lines is no change', async () => {
    await migrateTo({ '0001-one.sql': FIRST });
    assert.is(await migrateTo({ '0001-one.sql': FIRST.replaceAll('\n', '\r\n') }), 0);
    await refuses(
      migrateTo({ '0001-one.sql': `${FIRST}-- changed`, '0002-two.sql': SECOND }),
      /0001-one\.sql differs/,
    );
    assert.equal(await tables(), ['migrations', 'one']);
  });

  test('a program older than the schema may run when the schema says so, and only then', async () => {
    await migrateTo({ '0001-one.sql': FIRST, '0002-two.sql': SECOND });
    assert.is(await migrateTo({ '0001-one.sql': FIRST }), 0);
    const third = '-- oldest-program: 2\nalter table hushwire.two rename to deux;\n';
    await migrateTo({ '0001-one.sql': FIRST, '0002-two.sql': SECOND, '0003-three.sql': third });
    assert.is(await migrateTo({ '0001-one.sql': FIRST, '0002-two.sql': SECOND }), 0);
    await refuses(migrateTo({ '0001-one.sql': FIRST }), /needs a newer program/);
  });

  test('a hole in the sequence is refused, in the files and in the database', async () => {
    await refuses(migrateTo({ '0001-one.sql': FIRST, '0003-two.sql': SECOND }), /out of sequence/);
    await migrateTo({ '0001-one.sql': FIRST, '0002-two.sql': SECOND });
    await raw`delete from hushwire.migrations where number = 1`;
    await refuses(
      migrateTo({ '0001-one.sql': FIRST, '0002-two.sql': SECOND }),
      /migration 1 was never applied/,
    );
  });

  test('a file without a proper name or first line is refused', async () => {
    await refuses(migrateTo({ 'one.sql': FIRST }), /is not named like/);
    await refuses(migrateTo({ '0001-one.sql': 'select 1;' }), /does not begin with/);
    assert.equal(await tables(), []);
  });

  test('a role that may create nothing can start on a database that is up to date', async () => {
    await migrate({ url: database.url, log });
    const role = `hw_${database.url.slice(-16)}`;
    await raw.unsafe(`create role ${role} login password 'x'; grant usage on schema hushwire to ${role};
      grant select on hushwire.migrations to ${role}`);
    const url = new URL(database.url);
    url.username = role;
    url.password = 'x';
    try {
      assert.is(await migrate({ url: url.href, log }), 0);
    } finally {
      await raw.unsafe(`drop owned by ${role}; drop role ${role}`);
    }
  });

  test('a server that is not there is unavailable', async () => {
    const url = `postgres://nobody:nothing@127.0.0.1:${await freePort()}/none`;
    await rejectsWith(migrate({ url, log }), 'unavailable');
  });

  test('our own files hold no transaction of their own', async () => {
    const directory = new URL('../migrations/', import.meta.url);
    for (const name of await readdir(directory))
      assert.not.match(
        await readFile(new URL(name, directory), 'utf8'),
        /^\s*(begin|commit|rollback|start transaction)\b/im,
      );
  });
}, 20_000);
