import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createKeys, type Keys } from './keys.ts';
import { type Claim, claimRun } from './run-file.ts';
import { forgetReadable } from './servers/readable.ts';

/** What a stack keeps between runs. Nothing else in the directory is ever removed. */
const KEPT = ['keys.json', 'redis', 'postgres', 'deno', 'web'] as const;

/** Everything a stack keeps, in one directory that only its user can read. */
export interface StateDir {
  readonly path: string;
  readonly redis: string;
  readonly postgres: string;
  readonly deno: string;
  /** The built web messenger. */
  readonly web: string;
  readonly claim: Claim;
  /** The deployment's keys: those of the last run, or new ones. */
  keys(): Promise<Keys>;
}

/**
 * Opens and claims the directory, making it when it is missing; ends what a killed stack left there. `isFresh` forgets
 * everything it kept. Throws AlreadyRunning when a living stack holds it.
 */
export async function openStateDir(dir: string, { isFresh }: { isFresh: boolean }): Promise<StateDir> {
  const path = resolve(dir);
  await makePrivate(path);
  const claim = await claimRun(path);
  try {
    if (isFresh) await forget(path);
  } catch (error) {
    claim.release();
    throw error;
  }
  return {
    path,
    redis: join(path, 'redis'),
    postgres: join(path, 'postgres'),
    deno: join(path, 'deno'),
    web: join(path, 'web'),
    claim,
    keys: () => loadKeys(join(path, 'keys.json')),
  };
}

async function makePrivate(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  await chmod(path, 0o700);
}

async function forget(path: string): Promise<void> {
  await forgetReadable(join(path, 'postgres'));
  for (const name of KEPT) await rm(join(path, name), { recursive: true, force: true });
}

async function loadKeys(file: string): Promise<Keys> {
  const known = await readOptional(file);
  const kept = known === undefined ? undefined : (JSON.parse(known) as Keys);
  if (kept?.frankingKey !== undefined) return kept;
  // Keys of an older release lack some.
  const keys = { ...(await createKeys()), ...kept };
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 });
  await rename(draft, file);
  return keys;
}

async function readOptional(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
