import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import postgres from 'postgres';
import * as assert from 'uvu/assert';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { CHECKOUT } from '../local/servers/checkout.ts';
import { startPostgres } from '../local/servers/postgres.ts';
import type { RunningServer } from '../local/servers/process.ts';
import { temporaryDirectory } from '../local/servers/temporary.ts';

const run = promisify(execFile);
const BOOT = join(CHECKOUT, 'deploy', 'local', 'boot.mjs');

/** That such an archive brings everything back, by the same functions, is the drill's to show. */
describe('npm run archive', ({ test, needs, before, after }) => {
  for (const tool of ['pg_dump', 'age']) needs(tool);
  let home: string;
  let server: RunningServer;
  let sql: ReturnType<typeof postgres>;
  let recipient: string;
  const running: ChildProcess[] = [];
  before(async () => {
    home = await temporaryDirectory('archive');
    server = await startPostgres({ dir: join(home, 'server') });
    sql = postgres(server.url, { max: 1, onnotice: () => undefined });
    await run('age-keygen', ['-o', join(home, 'identity')]);
    recipient = (await run('age-keygen', ['-y', join(home, 'identity')])).stdout.trim();
  });
  after(async () => {
    for (const child of running) child.kill('SIGKILL');
    await sql?.end();
    await server?.stop();
    await rm(home, { recursive: true, force: true });
  });

  const archive = async (directory: string, ...args: string[]) => {
    const command = [BOOT, 'archive', '--directory', directory, '--recipient', recipient, ...args];
    const env = { ...process.env, DATABASE_URL: server.url, HUSHWIRE_ORIGIN_DATABASE_URL: '' };
    const child = spawn(process.execPath, command, { cwd: CHECKOUT, env });
    running.push(child);
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk) => {
        said += chunk;
      });
    const ended = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)));
    await until(() => said.includes('A base backup was made'), { what: 'a base backup', timeoutMs: 20_000 });
    return { child, ended, said: () => said };
  };
  const restore = (...args: string[]) =>
    run(process.execPath, [BOOT, 'restore', '--identity', join(home, 'identity'), ...args]).then(
      ({ stdout }) => ({ code: 0, said: stdout }),
      ({ code, stderr }) => ({ code: Number(code), said: String(stderr) }),
    );
  const segments = async (directory: string) =>
    (await readdir(join(directory, 'wal')).catch(() => [])).filter((name) => name.endsWith('.age'));
  const write = async () => {
    await sql`create table if not exists written (at timestamptz)`;
    await sql`insert into written values (now())`;
    await sql`select pg_switch_wal()`;
  };

  test('keeps what is written until Ctrl-C, and a new server can be made of it', async () => {
    const [directory, metrics] = [join(home, 'kept'), join(home, 'archive.prom')];
    const { child, ended } = await archive(directory, '--metrics', metrics);
    await write();
    await until(async () => (await segments(directory)).length > 0, {
      what: 'a sealed segment',
      timeoutMs: 20_000,
    });
    child.kill('SIGINT');
    assert.is(await ended, 0);
    assert.match(await readFile(metrics, 'utf8'), /^hushwire_archive_timestamp_seconds \d{10}$/m);

    const data = join(home, 'new', 'data');
    const to = ['--archive', directory, '--data', data];
    assert.is((await restore(...to, '--until', 'yesterday')).code, 2);
    assert.is((await restore(...to, '--until', '2026-11-24 13:05')).code, 0);
    const laidOut = await readdir(data);
    for (const name of ['PG_VERSION', 'recovery.signal']) assert.ok(laidOut.includes(name), name);
    const settings = await readFile(join(data, 'postgresql.auto.conf'), 'utf8');
    assert.match(settings, /restore_command = 'sh .*recovery_target_time = '2026-11-24 13:05\+00'/s);
    const again = await restore(...to);
    assert.equal([again.code, /is not empty/.test(again.said)], [1, true], again.said);
  });

  test('ends with 1 when what it receives cannot be kept, and says so', async () => {
    const directory = join(home, 'broken');
    const { ended, said } = await archive(directory);
    await rm(join(directory, 'wal'), { recursive: true });
    await writeFile(join(directory, 'wal'), 'no directory');
    await write();
    assert.is(await ended, 1, said());
    assert.match(said(), /The archive is not kept: Segments cannot be sealed/);
    const kept = await readdir(join(directory, 'spool'));
    assert.ok(
      kept.some((name) => /^[0-9A-F]{24}$/.test(name)),
      'what was received stays',
    );
  });
}, 60_000);
