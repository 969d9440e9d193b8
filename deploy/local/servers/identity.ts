/** Telling one process from another that later got the same number: nothing is ended on the strength of a number. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

const HAS_PROC = existsSync('/proc/self/stat');
/** How long each signal may take before the next, harder one. */
const PATIENCE_MS = 10_000;
const POLL_MS = 20;

/**
 * A text that no other process of this machine ever had or will have: when the machine and the process started.
 * Undefined when there is no such process, or only the remains of one that ended. Synchronous, so that a child can be
 * written down before anything else happens.
 */
export function identityOf(pid: number): string | undefined {
  if (!HAS_PROC) return outputOf('ps', ['-o', 'lstart=', '-p', String(pid)]);
  const stat = readOptional(`/proc/${pid}/stat`);
  // proc(5): the name in parentheses may hold anything, so count from its end; the state is field 3, the start 22.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, start] = [fields?.[0], fields?.[19]];
  if (state === undefined || state === 'Z' || state === 'X') return undefined;
  return `${readOptional('/proc/sys/kernel/random/boot_id')?.trim()} ${start}`;
}

/** The words of a process's command line; undefined when there is no such process. */
export function commandLine(pid: number): readonly string[] | undefined {
  if (HAS_PROC) return readOptional(`/proc/${pid}/cmdline`)?.split('\0');
  return outputOf('ps', ['-o', 'args=', '-p', String(pid)])?.split(' ');
}

/**
 * Ends a process that is not a child of ours: interrupts it, and turns harder every 10 s. Every server here takes
 * SIGINT as an orderly shutdown. Resolves when the process has ended, at once if there is none.
 */
export async function endProcess(pid: number): Promise<void> {
  const identity = identityOf(pid);
  if (identity === undefined) return;
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    sendSignal(pid, signal);
    const deadlineMs = Date.now() + PATIENCE_MS;
    while (Date.now() < deadlineMs) {
      if (identityOf(pid) !== identity) return;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
  throw new Error(`Cannot end process ${pid}`);
}

/** Sends a signal to a process that may have ended meanwhile. */
function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function readOptional(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}

function outputOf(command: string, args: readonly string[]): string | undefined {
  try {
    return (
      execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim() ||
      undefined
    );
  } catch {
    return undefined;
  }
}
