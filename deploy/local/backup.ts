import { spawn } from 'node:child_process';
import { UsageError } from '../../shared/entry.ts';
import { type Backup, makeBackup, prune } from '../backup/dump.ts';
import { BackupFailed } from '../backup/programs.ts';
import { type Gauge, runProgram, whole, writeGauges } from './command-line.ts';

const HELP = `npm run backup -- --directory <dir> --recipient <age1…> [options]

Dumps the database in one snapshot, encrypted to a public key of age on its way to the disk, with a manifest of checksums
beside it; then removes old backups. For cron, daily or hourly.

  --directory <dir>   where backups are kept: best a mount that is not on this machine
  --recipient <key>   age's public key; whoever restores holds the private one ("age-keygen" makes both)
  --keep-days <n>     older ones are removed, but never the newest (default 14)
  --offsite <prog>    program that copies the files elsewhere; it gets the two paths, and must end with 0
  --metrics <file>    writes Prometheus text there: when it ran, size; alarms tell when backups stop
  --help              this text

The database is DATABASE_URL (or HUSHWIRE_ORIGIN_DATABASE_URL). The exit code is 0 when the backup is whole and, where
asked, off site; 1 when not; 2 for wrong options.`;

interface Wanted {
  readonly databaseUrl: string;
  readonly directory: string;
  readonly recipient: string;
  readonly keepDays: number;
  readonly offsite: string | undefined;
  readonly metrics: string | undefined;
}

/** `npm run backup`: resolves with the exit code. */
export function main(args: readonly string[]): Promise<number> {
  return runProgram(args, {
    help: HELP,
    options: {
      directory: { type: 'string' },
      recipient: { type: 'string' },
      'keep-days': { type: 'string', default: '14' },
      offsite: { type: 'string' },
      metrics: { type: 'string' },
    },
    read: ({ directory, recipient, offsite, metrics, 'keep-days': keepDays }): Wanted => {
      const databaseUrl = process.env.HUSHWIRE_ORIGIN_DATABASE_URL || process.env.DATABASE_URL;
      if (!databaseUrl) throw new UsageError('DATABASE_URL is not set; wanted: the URL of the database');
      if (directory === undefined)
        throw new UsageError('--directory is missing; wanted: where backups are kept');
      if (recipient === undefined || !/^age1[a-z0-9]{58}$/.test(recipient))
        throw new UsageError('--recipient takes a public key of age (age1…); "age-keygen" makes a pair');
      return {
        ...{ databaseUrl, directory, recipient, offsite, metrics },
        keepDays: whole('keep-days', keepDays, [1, 9_999]),
      };
    },
    run: backUp,
  });
}

async function backUp(wanted: Wanted): Promise<number> {
  try {
    await run(wanted);
    return 0;
  } catch (error) {
    if (!(error instanceof BackupFailed)) throw error;
    console.error(`No backup was made: ${error.message}`);
    return 1;
  }
}

async function run({ keepDays, offsite, metrics, ...options }: Wanted): Promise<void> {
  const nowMs = Date.now();
  const backup = await makeBackup({ ...options, nowMs });
  const { tables, bytes } = backup.manifest;
  const rows = Object.values(tables).reduce((sum, table) => sum + table.rows, 0);
  console.log(`${backup.file}: ${Object.keys(tables).length} tables, ${rows} rows, ${bytes} bytes`);
  if (offsite !== undefined) await copyOffSite(offsite, backup);
  for (const name of await prune(options.directory, { keepDays, nowMs })) console.log(`removed ${name}`);
  if (metrics !== undefined) await writeGauges(metrics, gaugesOf({ nowMs, bytes }));
}

function copyOffSite(program: string, { file, manifestFile }: Backup): Promise<void> {
  const child = spawn(program, [file, manifestFile], { stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.on('error', (error) => reject(new BackupFailed(`${program} cannot run: ${error.message}`)));
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new BackupFailed(`${program} ended with ${code}; the backup is on this machine only`));
    });
  });
}

function gaugesOf({ nowMs, bytes }: { nowMs: number; bytes: number }): Gauge[] {
  return [
    {
      name: 'hushwire_backup_timestamp_seconds',
      help: 'When the last whole backup was made',
      value: Math.floor(nowMs / 1_000),
    },
    { name: 'hushwire_backup_bytes', help: 'Size of the last whole backup', value: bytes },
  ];
}
