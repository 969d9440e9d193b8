import { stat } from 'node:fs/promises';
import { UsageError } from '../../shared/entry.ts';
import { type ArchiveOptions, archiveAt, makeBase, receiveWal } from '../backup/point-in-time.ts';
import { BackupFailed } from '../backup/programs.ts';
import { createSay, runProgram, whole, writeGauges } from './command-line.ts';

const HELP = `npm run archive -- --directory <dir> --recipient <age1…> [options]

Keeps a base backup and, until it is ended, the write-ahead log as it is written, encrypted to a public key of age: a restore
can stop at any moment since ("npm run restore -- --archive"). For a PostgreSQL of your own, on another host than it.

  --directory <dir>   where the archive is kept
  --recipient <key>   age's public key; whoever restores holds the private one ("age-keygen" makes both)
  --base-days <n>     a new base backup when the last one is older; the log from before it is removed (default 7)
  --metrics <file>    writes Prometheus text there every minute: when it last received; alarms tell when it stops
  --help              this text

The database is DATABASE_URL (or HUSHWIRE_ORIGIN_DATABASE_URL), of a role with the attribute REPLICATION. Ctrl-C ends it, with
exit code 0; it is 1 when it cannot go on, for a supervisor to start it again, and 2 for wrong options.`;

const DAY_MS = 24 * 3_600_000;
const LOOK_INTERVAL_MS = 60_000;

interface Wanted extends ArchiveOptions {
  readonly baseDays: number;
  readonly metrics: string | undefined;
}

/** `npm run archive`: resolves with the exit code. */
export function main(args: readonly string[]): Promise<number> {
  return runProgram(args, {
    help: HELP,
    options: {
      directory: { type: 'string' },
      recipient: { type: 'string' },
      'base-days': { type: 'string', default: '7' },
      metrics: { type: 'string' },
    },
    read: ({ directory, recipient, metrics, 'base-days': baseDays }): Wanted => {
      const databaseUrl = process.env.HUSHWIRE_ORIGIN_DATABASE_URL || process.env.DATABASE_URL;
      if (!databaseUrl) throw new UsageError('DATABASE_URL is not set; wanted: the URL of the database');
      if (directory === undefined)
        throw new UsageError('--directory is missing; wanted: where the archive is kept');
      if (recipient === undefined || !/^age1[a-z0-9]{58}$/.test(recipient))
        throw new UsageError('--recipient takes a public key of age (age1…); "age-keygen" makes a pair');
      return { databaseUrl, directory, recipient, metrics, baseDays: whole('base-days', baseDays, [1, 365]) };
    },
    run: keep,
  });
}

async function keep(wanted: Wanted): Promise<number> {
  try {
    await archive(wanted);
    return 0;
  } catch (error) {
    if (!(error instanceof BackupFailed)) throw error;
    console.error(`The archive is not kept: ${error.message}`);
    return 1;
  }
}

async function archive(wanted: Wanted): Promise<void> {
  const say = createSay();
  const interrupted = new Promise<undefined>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => resolve(undefined));
  });
  const receiver = await receiveWal(wanted);
  say('The write-ahead log streams');
  const look = async () => {
    if ((await ageOfBase(wanted.directory)) >= wanted.baseDays * DAY_MS) {
      const removed = await makeBase(wanted);
      say(`A base backup was made; ${removed} segments from before it are gone`);
    }
    if (wanted.metrics !== undefined) await writeGauges(wanted.metrics, gauges());
  };
  let timer: ReturnType<typeof setInterval> | undefined;
  const stuck = new Promise<string>((resolve) => {
    const run = () => void look().catch((error: Error) => resolve(error.message));
    run();
    timer = setInterval(run, LOOK_INTERVAL_MS);
  });
  const words = await Promise.race([interrupted, receiver.failed, stuck]);
  clearInterval(timer);
  if (words !== undefined) {
    await receiver.stop().catch(() => undefined); // It is told why it ended; what cannot be sealed stays in the spool.
    throw new BackupFailed(words);
  }
  await receiver.stop();
  say('Ended; what was received is sealed, but for the segment that is being written');
}

/** Milliseconds; endless without one. */
async function ageOfBase(directory: string): Promise<number> {
  const found = await stat(archiveAt(directory).base).catch(() => undefined);
  return found === undefined ? Number.POSITIVE_INFINITY : Date.now() - found.mtimeMs;
}

function gauges() {
  const help = 'When the write-ahead log was last known to stream into the archive';
  return [{ name: 'hushwire_archive_timestamp_seconds', help, value: Math.floor(Date.now() / 1_000) }];
}
