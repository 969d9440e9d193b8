import postgres from 'postgres';
import { checksumsOf, differences } from './checksums.ts';
import { type Manifest, readManifest, sha256Of } from './dump.ts';
import { BackupFailed, libpq, pipe, requirePrograms } from './programs.ts';

export interface RestoreOptions {
  /** The encrypted dump; its manifest lies beside it. */
  readonly file: string;
  /** File with age's private key. */
  readonly identity: string;
  /** An empty database, or one whose schema `hushwire` may be thrown away. */
  readonly databaseUrl: string;
  readonly mayReplace?: boolean;
}

const CONNECT_TIMEOUT_SECONDS = 10;

/**
 * Restores a backup in one transaction and holds every table against the manifest. Throws BackupFailed when the file is
 * damaged, the database is in use, or a table differs; a database is never left half restored.
 */
export async function restoreBackup({
  file,
  identity,
  databaseUrl,
  mayReplace,
}: RestoreOptions): Promise<Manifest> {
  await requirePrograms('pg_restore', 'age');
  const manifest = await readManifest(file);
  if ((await sha256Of(file)) !== manifest.sha256)
    throw new BackupFailed(`${file} is damaged: it is not what its manifest says`);
  const sql = postgres(databaseUrl, {
    max: 1,
    connect_timeout: CONNECT_TIMEOUT_SECONDS,
    onnotice: () => undefined,
  });
  try {
    await clear(sql, mayReplace ?? false);
    await pipe([
      { command: 'age', args: ['--decrypt', '--identity', identity, file] },
      {
        command: 'pg_restore',
        args: ['--exit-on-error', '--single-transaction', '--no-owner', '--no-privileges', '--dbname='],
        env: libpq(databaseUrl),
      },
    ]);
    const wrong = differences(manifest.tables, await checksumsOf(sql));
    if (wrong.length > 0) throw new BackupFailed(`What was restored differs: ${wrong.join('; ')}`);
    return manifest;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function clear(sql: postgres.Sql, mayReplace: boolean): Promise<void> {
  const [row] = await sql<{ exists: boolean }[]>`
    select exists (select from pg_namespace where nspname = 'hushwire') as exists`;
  if (row?.exists !== true) return;
  if (!mayReplace)
    throw new BackupFailed('The database holds a schema "hushwire" already; --replace throws it away first');
  await sql`drop schema hushwire cascade`;
}
