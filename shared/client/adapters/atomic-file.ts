import { open, readFile, rename } from 'node:fs/promises';

/** What a crash left of a file that was not in its place yet. */
export const UNFINISHED = '.part';

/**
 * Writes a file that only its owner may read, beside its place, flushed, and renamed: a crash leaves what was there or
 * what is wanted, never half of it.
 */
export async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  const beside = `${path}${UNFINISHED}`;
  const file = await open(beside, 'w', 0o600);
  try {
    await file.chmod(0o600);
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(beside, path);
}

/** Its content; undefined when there is no such file. */
export async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** True for what the file system throws about a file that is not there. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
