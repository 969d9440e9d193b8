/** The programs backups are made with: PostgreSQL's own client tools, and age for encryption. */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

const PACKAGES: Readonly<Record<string, string>> = {
  age: 'age',
  pg_dump: 'postgresql-client',
  pg_restore: 'postgresql-client',
  pg_basebackup: 'postgresql-client',
  pg_receivewal: 'postgresql-client',
};

/** Why a backup or a restore did not happen, in words for people. */
export class BackupFailed extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'BackupFailed';
  }
}

/** Throws BackupFailed, and says how to get it, when a program is not on the PATH. */
export async function requirePrograms(...names: readonly string[]): Promise<void> {
  for (const name of names)
    if (!(await isOnPath(name)))
      throw new BackupFailed(
        `${name} is not on the PATH: install it (apt-get install ${PACKAGES[name] ?? name})`,
      );
}

async function isOnPath(name: string): Promise<boolean> {
  for (const directory of (process.env.PATH ?? '').split(delimiter))
    try {
      await access(join(directory, name), constants.X_OK);
      return true;
    } catch {
      // not in this one
    }
  return false;
}

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs programs so that each reads what the one before it writes; nothing readable touches a disk between them. Resolves
 * when all ended well; throws BackupFailed with the last words of the first that did not, after all have ended.
 */
export async function pipe(programs: readonly Program[]): Promise<void> {
  const children = programs.map(start);
  children.forEach((child, i) => {
    const next = children[i + 1];
    if (child.stdout === null || next?.stdin === null || next === undefined) return;
    next.stdin.on('error', () => undefined); // It ended early: its own exit code tells why.
    child.stdout.pipe(next.stdin);
  });
  const ends = await Promise.all(children.map((child, i) => endOf(child, programs[i]?.command ?? '')));
  const failed = ends.find((end) => end !== undefined);
  if (failed !== undefined) throw new BackupFailed(failed);
}

function start({ command, args, env }: Program, index: number, all: readonly Program[]): ChildProcess {
  return spawn(command, [...args], {
    env: { PATH: process.env.PATH, LC_ALL: 'C', ...env },
    stdio: [index === 0 ? 'ignore' : 'pipe', index === all.length - 1 ? 'ignore' : 'pipe', 'pipe'],
  });
}

/** Enough for the sentence that tells the cause. */
const WORDS_MAX = 2_000;

function endOf(child: ChildProcess, command: string): Promise<string | undefined> {
  let words = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    words = `${words}${chunk}`.slice(-WORDS_MAX);
  });
  return new Promise((resolve) => {
    child.on('error', (error) => resolve(`${command} cannot run: ${error.message}`));
    child.on('close', (code) => {
      resolve(code === 0 ? undefined : `${command} failed (${code ?? 'killed'}): ${words.trim()}`);
    });
  });
}

/** A database's URL as libpq's variables, since a password on a command line is seen by everybody on the machine. */
export function libpq(databaseUrl: string): Record<string, string> {
  const { hostname, port, username, password, pathname, searchParams } = new URL(databaseUrl);
  const sslMode = searchParams.get('sslmode');
  return {
    PGHOST: hostname.replace(/^\[|\]$/g, ''),
    PGPORT: port || '5432',
    PGUSER: decodeURIComponent(username),
    PGPASSWORD: decodeURIComponent(password),
    PGDATABASE: decodeURIComponent(pathname.slice(1)) || 'postgres',
    ...(sslMode === null ? {} : { PGSSLMODE: sslMode }),
  };
}
