import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { commandLine, endProcess } from './identity.ts';

/**
 * Ends the PostgreSQL that still serves the cluster in `data`, left there by a run that was killed, and removes its
 * lock file if nothing stands behind it. A process is ended only if its command line names this very directory.
 */
export async function endStaleServer(data: string): Promise<void> {
  const lockFile = join(data, 'postmaster.pid');
  const pid = await readPid(lockFile);
  if (pid === undefined) return;
  const words = commandLine(pid);
  const isOurs = words?.includes('-D') && words.includes(data);
  if (isOurs) await endProcess(pid);
  // Its own check is only whether a process of that number exists: after a restart of the machine that can be anybody.
  await rm(lockFile, { force: true });
}

/** The first line of the lock file is the server's process id. */
async function readPid(lockFile: string): Promise<number | undefined> {
  try {
    const pid = Number.parseInt(await readFile(lockFile, 'utf8'), 10);
    return pid > 0 ? pid : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
