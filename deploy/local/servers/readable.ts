/** Places that another account can reach. A checkout below a private home is not one. */
import { createHash } from 'node:crypto';
import { chmod, chown, lstat, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Account, canEnter } from './account.ts';

/** Open to everybody on every Unix, and it survives a restart of the machine, unlike /tmp. */
export const READABLE_ROOT = '/var/tmp';

/**
 * `dir` if `account` can get there; otherwise a directory of its own in /var/tmp. A private directory of ours right
 * above `dir` is opened to the account's group, to pass through and not to list.
 */
export async function reachableDirectory(dir: string, account: Account): Promise<string> {
  const parent = dirname(dir);
  await mkdir(parent, { recursive: true, mode: 0o700 });
  if (await canEnter(parent, account)) return dir;
  if (await canEnter(dirname(parent), account)) {
    await chown(parent, process.getuid?.() ?? 0, account.gid);
    await chmod(parent, 0o710);
    return dir;
  }
  return join(await readableDirectory(dir), 'data');
}

/**
 * A directory of ours in /var/tmp whose name follows from `path`. Throws when somebody else made one of that name.
 */
export async function readableDirectory(path: string): Promise<string> {
  const directory = readablePath(path);
  await mkdir(directory, { recursive: true, mode: 0o711 });
  if (!(await isOurs(directory))) throw new Error(`Cannot use ${directory}: it belongs to somebody else`);
  await chmod(directory, 0o711);
  return directory;
}

/** Removes what `readableDirectory(path)` gave, if it ever did. */
export async function forgetReadable(path: string): Promise<void> {
  const directory = readablePath(path);
  if (await isOurs(directory)) await rm(directory, { recursive: true, force: true });
}

function readablePath(path: string): string {
  return join(READABLE_ROOT, `hushwire-${createHash('sha256').update(path).digest('hex').slice(0, 16)}`);
}

async function isOurs(directory: string): Promise<boolean> {
  try {
    const stat = await lstat(directory);
    return stat.isDirectory() && stat.uid === process.getuid?.();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
