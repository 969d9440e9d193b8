import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { UsageError } from '../../shared/entry.ts';
import { type PointInTimeRestore, prepareRestore } from '../backup/point-in-time.ts';
import { BackupFailed } from '../backup/programs.ts';
import { type RestoreOptions, restoreBackup } from '../backup/restore.ts';
import { runProgram } from './command-line.ts';

const HELP = `npm run restore -- --file <backup.dump.age> --identity <key file> [--replace]
npm run restore -- --archive <dir> --identity <key file> --data <dir> [--until <time>]

The first decrypts a backup, restores it into a fresh database in one transaction, and holds every table against the manifest.
The database is DATABASE_URL (or HUSHWIRE_ORIGIN_DATABASE_URL). The second prepares the data directory of a new server from an
archive ("npm run archive"); that server recovers by itself when it starts.

  --file <file>       the backup; its manifest (.json) lies beside it
  --replace           throws away a schema "hushwire" that is there already
  --archive <dir>     where "npm run archive" has kept base backup and log
  --data <dir>        directory of the new server, which is made, or empty
  --until <time>      stops there, as in "2026-11-24 13:05:00" (UTC); as far as the archive goes without
  --identity <file>   file with age's private key; with --archive, PostgreSQL's account must be able to read it
  --help              this text

Stop the origin nodes first; start them afterwards, on the same release or a newer one. The exit code is 0 when all is there, 1
when not, 2 for wrong options.`;

type Wanted = { readonly dump: RestoreOptions } | { readonly archive: PointInTimeRestore };

/** `npm run restore`: resolves with the exit code. */
export function main(args: readonly string[]): Promise<number> {
  return runProgram(args, {
    help: HELP,
    options: {
      file: { type: 'string' },
      identity: { type: 'string' },
      replace: { type: 'boolean', default: false },
      archive: { type: 'string' },
      data: { type: 'string' },
      until: { type: 'string' },
    },
    read: ({ file, identity, replace: mayReplace, archive, data, until }): Wanted => {
      if (identity === undefined)
        throw new UsageError("--identity is missing; wanted: the file with age's private key");
      if (archive !== undefined) return { archive: archiveOf({ directory: archive, identity, data, until }) };
      const databaseUrl = process.env.HUSHWIRE_ORIGIN_DATABASE_URL || process.env.DATABASE_URL;
      if (!databaseUrl) throw new UsageError('DATABASE_URL is not set; wanted: the URL of a fresh database');
      if (file === undefined) throw new UsageError('--file is missing; wanted: the backup to restore');
      return { dump: { file, identity, databaseUrl, mayReplace } };
    },
    run: (wanted) => ('dump' in wanted ? restore(wanted.dump) : prepare(wanted.archive)),
  });
}

interface ArchiveValues {
  readonly directory: string;
  readonly identity: string;
  readonly data: string | undefined;
  readonly until: string | undefined;
}

function archiveOf({ directory, identity, data, until }: ArchiveValues): PointInTimeRestore {
  if (data === undefined) throw new UsageError('--data is missing; wanted: the directory of the new server');
  const paths = { directory: resolve(directory), identity: resolve(identity), data: resolve(data) };
  if (until === undefined) return paths;
  if (!/^\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?$/.test(until))
    throw new UsageError('--until takes a time in UTC, such as "2026-11-24 13:05:00"');
  return { ...paths, until: `${until}+00` };
}

async function prepare(wanted: PointInTimeRestore): Promise<number> {
  try {
    const there = await readdir(wanted.data).catch(() => []);
    if (there.length > 0) throw new BackupFailed(`${wanted.data} is not empty`);
    await prepareRestore(wanted);
    console.log(
      `${wanted.data} is ready: give it to PostgreSQL's account and start the server on it; it takes connections when it has recovered.`,
    );
    return 0;
  } catch (error) {
    if (!(error instanceof BackupFailed)) throw error;
    console.error(`Not prepared: ${error.message}`);
    return 1;
  }
}

async function restore(wanted: RestoreOptions): Promise<number> {
  try {
    const { takenAt, tables, migration } = await restoreBackup(wanted);
    const rows = Object.values(tables).reduce((sum, table) => sum + table.rows, 0);
    console.log(
      `Restored as of ${takenAt} UTC: ${rows} rows, schema ${migration}; every table is as it was.`,
    );
    return 0;
  } catch (error) {
    if (!(error instanceof BackupFailed)) throw error;
    console.error(`Not restored: ${error.message}`);
    return 1;
  }
}
