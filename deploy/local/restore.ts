import { UsageError } from '../../shared/entry.ts';
import { BackupFailed } from '../backup/programs.ts';
import { type RestoreOptions, restoreBackup } from '../backup/restore.ts';
import { runProgram } from './command-line.ts';

const HELP = `npm run restore -- --file <backup.dump.age> --identity <key file> [--replace]

Decrypts a backup, restores it into a fresh database in one transaction, and holds every table against the manifest.

  --file <file>       the backup; its manifest (.json) lies beside it
  --identity <file>   file with age's private key
  --replace           throws away a schema "hushwire" that is there already
  --help              this text

The database is DATABASE_URL (or HUSHWIRE_ORIGIN_DATABASE_URL). Stop the origin nodes first; start them afterwards, on the
same release or a newer one. The exit code is 0 when all is there, 1 when not, 2 for wrong options.`;

/** `npm run restore`: resolves with the exit code. */
export function main(args: readonly string[]): Promise<number> {
  return runProgram(args, {
    help: HELP,
    options: {
      file: { type: 'string' },
      identity: { type: 'string' },
      replace: { type: 'boolean', default: false },
    },
    read: ({ file, identity, replace: mayReplace }): RestoreOptions => {
      const databaseUrl = process.env.HUSHWIRE_ORIGIN_DATABASE_URL || process.env.DATABASE_URL;
      if (!databaseUrl) throw new UsageError('DATABASE_URL is not set; wanted: the URL of a fresh database');
      if (file === undefined) throw new UsageError('--file is missing; wanted: the backup to restore');
      if (identity === undefined)
        throw new UsageError("--identity is missing; wanted: the file with age's private key");
      return { file, identity, databaseUrl, mayReplace };
    },
    run: restore,
  });
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
