/**
 * Continuous backup for a PostgreSQL of your own (hosted ones bring theirs): a base backup, and the write-ahead log as it
 * is written, by `pg_receivewal` on another host. A restore can stop at any moment since the base backup; what is lost is
 * what had not reached the other host.
 *
 *     base.tar.age              pg_basebackup --format=tar, encrypted
 *     wal/<segment>.age         finished segments, encrypted
 *     spool/<segment>[.partial] the one being written; it never leaves the receiving host
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BackupFailed, libpq, pipe, requirePrograms } from './programs.ts';

export interface ArchiveOptions {
  readonly databaseUrl: string;
  readonly directory: string;
  /** Public key of age. */
  readonly recipient: string;
}

export interface Archive {
  readonly base: string;
  readonly wal: string;
  readonly spool: string;
}

/** Where the parts of an archive lie. */
export function archiveAt(directory: string): Archive {
  return {
    base: join(directory, 'base.tar.age'),
    wal: join(directory, 'wal'),
    spool: join(directory, 'spool'),
  };
}

const SEGMENT = /^[0-9A-F]{24}$|^[0-9A-F]{8}\.history$/;
const SEAL_INTERVAL_MS = 2_000;
const SEAL_FAILURES_MAX = 3;

export interface Receiver {
  /** Ends it; what was received is sealed as far as it is finished. */
  stop(): Promise<void>;
  /** Resolves when it ended unasked, with its last words. */
  readonly failed: Promise<string>;
}

/** Begins to receive the write-ahead log; resolves once it streams. Throws BackupFailed. */
export async function receiveWal({ databaseUrl, directory, recipient }: ArchiveOptions): Promise<Receiver> {
  await requirePrograms('pg_receivewal', 'age');
  const { wal, spool } = archiveAt(directory);
  for (const path of [wal, spool]) await mkdir(path, { recursive: true });
  const child = spawn('pg_receivewal', ['--directory', spool, '--synchronous', '--verbose', '--no-loop'], {
    env: { PATH: process.env.PATH, LC_ALL: 'C', ...libpq(databaseUrl) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = wordsAtEnd(child);
  await Promise.race([streaming(child), ended.then((words) => Promise.reject(new BackupFailed(words)))]);
  const sealing = sealRepeatedly({ wal, spool, recipient });
  return {
    failed: Promise.race([ended, sealing.failed]),
    stop: async () => {
      await sealing.stop();
      child.kill('SIGINT');
      await ended;
      await seal({ wal, spool, recipient });
    },
  };
}

interface Sealed {
  readonly wal: string;
  readonly spool: string;
  readonly recipient: string;
}

/** One at a time. A disk may be full for a moment; whoever fails again and again says so. */
function sealRepeatedly(archive: Sealed): Receiver {
  let failures = 0;
  let running: Promise<void> | undefined;
  let fail: (words: string) => void = () => undefined;
  const failed = new Promise<string>((resolve) => {
    fail = resolve;
  });
  const once = async () => {
    try {
      await seal(archive);
      failures = 0;
    } catch (error) {
      failures += 1;
      if (failures === SEAL_FAILURES_MAX) fail(`Segments cannot be sealed: ${(error as Error).message}`);
    }
    running = undefined;
  };
  const timer = setInterval(() => {
    running ??= once();
  }, SEAL_INTERVAL_MS);
  return {
    failed,
    stop: async () => {
      clearInterval(timer);
      await running;
    },
  };
}

function streaming(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.stderr?.on('data', (chunk: Buffer) => {
      if (String(chunk).includes('starting log streaming')) resolve();
    });
  });
}

function wordsAtEnd(child: ChildProcess): Promise<string> {
  let words = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    words = `${words}${chunk}`.slice(-1_000);
  });
  return new Promise((resolve) => {
    child.on('error', (error) => resolve(`pg_receivewal cannot run: ${error.message}`));
    child.on('close', () => resolve(`pg_receivewal ended: ${words.trim()}`));
  });
}

/** Encrypts the segments that are finished. A segment stays in the spool until its sealed form is whole. */
async function seal({ wal, spool, recipient }: Sealed): Promise<void> {
  const finished = (await readdir(spool)).filter((name) => SEGMENT.test(name)).sort();
  for (const name of finished) {
    const part = join(wal, `${name}.part`);
    await pipe([{ command: 'age', args: ['--recipient', recipient, '--output', part, join(spool, name)] }]);
    await rename(part, join(wal, `${name}.age`));
    await rm(join(spool, name));
  }
}

/**
 * A base backup, encrypted on its way to the disk, in the place of the one before; segments from before it are removed, while
 * they are received (`receiveWal`). Resolves with how many. Throws BackupFailed.
 */
export async function makeBase({ databaseUrl, directory, recipient }: ArchiveOptions): Promise<number> {
  await requirePrograms('pg_basebackup', 'age');
  await mkdir(directory, { recursive: true });
  const { base, wal, spool } = archiveAt(directory);
  // What is received now is never ahead of where the base begins.
  const [first] = (await readdir(spool).catch(() => [])).filter((name) => name.endsWith('.partial')).sort();
  const how = ['--format=tar', '--wal-method=none', '--checkpoint=fast', '--pgdata=-'];
  await pipe([
    { command: 'pg_basebackup', args: how, env: libpq(databaseUrl) },
    { command: 'age', args: ['--recipient', recipient, '--output', `${base}.part`] },
  ]);
  await rename(`${base}.part`, base);
  return first === undefined ? 0 : removeBefore(wal, first);
}

async function removeBefore(wal: string, first: string): Promise<number> {
  const old = (await readdir(wal)).filter((name) => /^[0-9A-F]{24}\.age$/.test(name) && name < first);
  await Promise.all(old.map((name) => rm(join(wal, name))));
  return old.length;
}

export interface PointInTimeRestore {
  readonly directory: string;
  /** File with age's private key; PostgreSQL's account must be able to read it, and the archive. */
  readonly identity: string;
  /** An empty directory for the data of the new server. */
  readonly data: string;
  /** Stops there (PostgreSQL timestamp); absent: as far as the archive goes. */
  readonly until?: string;
}

/** Prepares the data directory of a new server, which then recovers by itself when it starts. Throws BackupFailed. */
export async function prepareRestore({
  directory,
  identity,
  data,
  until,
}: PointInTimeRestore): Promise<void> {
  await requirePrograms('age', 'tar');
  const { base, wal, spool } = archiveAt(directory);
  await mkdir(data, { recursive: true, mode: 0o700 });
  await pipe([
    { command: 'age', args: ['--decrypt', '--identity', identity, base] },
    { command: 'tar', args: ['--extract', '--directory', data] },
  ]);
  const script = new URL('./fetch-wal.sh', import.meta.url).pathname;
  const command = `sh ${[script, wal, spool, identity].map(quote).join(' ')} %f "%p"`;
  const settings = [
    `restore_command = '${command.replaceAll("'", "''")}'`,
    "recovery_target_action = 'promote'",
    ...(until === undefined ? [] : [`recovery_target_time = '${until}'`]),
  ];
  await writeFile(join(data, 'postgresql.auto.conf'), `${settings.join('\n')}\n`);
  await writeFile(join(data, 'recovery.signal'), '');
}

function quote(text: string): string {
  return `"${text.replaceAll('"', '\\"')}"`;
}
