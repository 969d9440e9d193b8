/**
 * A logical backup: `pg_dump` of one snapshot, encrypted by age to a public key on its way to the disk, and beside it a
 * manifest with the checksums of that same snapshot. The machine that makes backups cannot read them.
 *
 *     hushwire-2026-11-23T14-05.dump.age   pg_dump --format=custom, encrypted
 *     hushwire-2026-11-23T14-05.json       Manifest
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import postgres from 'postgres';
import { type Checksums, checksumsOf } from './checksums.ts';
import { BackupFailed, libpq, pipe, requirePrograms } from './programs.ts';

export interface Manifest {
  /** When the snapshot was taken, UTC, whole minutes. */
  readonly takenAt: string;
  /** Newest migration of the schema. */
  readonly migration: number;
  readonly bytes: number;
  /** SHA-256 of the encrypted file, hex. */
  readonly sha256: string;
  readonly tables: Checksums;
}

export interface DumpOptions {
  readonly databaseUrl: string;
  readonly directory: string;
  /** Public key of age (`age1…`); its private half opens the backup. */
  readonly recipient: string;
  readonly nowMs: number;
}

export interface Backup {
  readonly file: string;
  readonly manifestFile: string;
  readonly manifest: Manifest;
}

const NAME = /^hushwire-(\d{4}-\d{2}-\d{2})T(\d{2})-(\d{2})\.dump\.age$/;
const CONNECT_TIMEOUT_SECONDS = 10;

/** Makes one backup. Throws BackupFailed; nothing is left then that could be taken for a whole one. */
export async function makeBackup(options: DumpOptions): Promise<Backup> {
  await requirePrograms('pg_dump', 'age');
  const { databaseUrl, directory, recipient, nowMs } = options;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const takenAt = new Date(nowMs).toISOString().slice(0, 16);
  const name = join(directory, `hushwire-${takenAt.replace(':', '-')}`);
  const [file, manifestFile, part] = [`${name}.dump.age`, `${name}.json`, `${name}.part`];
  try {
    const content = await atOneSnapshot(databaseUrl, async (snapshot) => {
      await pipe([
        {
          command: 'pg_dump',
          args: [
            '--format=custom',
            '--schema=hushwire',
            '--no-owner',
            '--no-privileges',
            `--snapshot=${snapshot}`,
          ],
          env: libpq(databaseUrl),
        },
        { command: 'age', args: ['--recipient', recipient, '--output', part] },
      ]);
    });
    const { size: bytes } = await stat(part);
    const manifest: Manifest = { takenAt, ...content, bytes, sha256: await sha256Of(part) };
    await writeFile(manifestFile, `${JSON.stringify(manifest, undefined, 2)}\n`);
    await rename(part, file);
    return { file, manifestFile, manifest };
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

/** Keeps one snapshot open while it is dumped and summed up. */
async function atOneSnapshot(
  url: string,
  dump: (snapshot: string) => Promise<void>,
): Promise<Pick<Manifest, 'migration' | 'tables'>> {
  const sql = postgres(url, {
    max: 1,
    prepare: false,
    connect_timeout: CONNECT_TIMEOUT_SECONDS,
    onnotice: () => undefined,
  });
  try {
    return await sql.begin('isolation level repeatable read read only', async (transaction) => {
      const [row] = await transaction<{ snapshot: string }[]>`select pg_export_snapshot() as snapshot`;
      if (row === undefined) throw new BackupFailed('PostgreSQL gave no snapshot');
      await dump(row.snapshot);
      const [newest] = await transaction<{ number: number }[]>`
        select max(number) as number from hushwire.migrations`;
      return {
        migration: newest?.number ?? 0,
        tables: await checksumsOf(transaction as unknown as postgres.Sql), // A transaction queries as the pool does.
      };
    });
  } catch (error) {
    if (error instanceof BackupFailed) throw error;
    throw new BackupFailed(`The database cannot be read: ${error instanceof Error ? error.message : error}`);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** The backups in a directory, oldest first: whole ones only. */
export async function listBackups(directory: string): Promise<{ name: string; takenMs: number }[]> {
  const names = await readdir(directory).catch(() => []);
  return names
    .flatMap((name) => {
      const [, day, hour, minute] = NAME.exec(name) ?? [];
      if (day === undefined) return [];
      return [{ name, takenMs: Date.parse(`${day}T${hour}:${minute}:00Z`) }];
    })
    .sort((a, b) => a.takenMs - b.takenMs);
}

const DAY_MS = 86_400_000;

/** Removes backups older than `keepDays`, but never the newest. Resolves with the names of what was removed. */
export async function prune(directory: string, { keepDays, nowMs }: { keepDays: number; nowMs: number }) {
  const all = await listBackups(directory);
  const old = all.slice(0, -1).filter(({ takenMs }) => takenMs < nowMs - keepDays * DAY_MS);
  for (const { name } of old) {
    await rm(join(directory, name), { force: true });
    await rm(join(directory, name.replace(/\.dump\.age$/, '.json')), { force: true });
  }
  return old.map(({ name }) => name);
}

/** Throws BackupFailed when there is none beside the file, or it cannot be read. */
export async function readManifest(file: string): Promise<Manifest> {
  const path = file.replace(/\.dump\.age$/, '.json');
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Manifest;
  } catch {
    throw new BackupFailed(`${path} is missing or unreadable; it belongs to the backup`);
  }
}
