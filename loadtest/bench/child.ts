import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Starts a TypeScript file of this directory as a process with IPC; it ends when this one does. */
export function startChild(file: string, env: Readonly<Record<string, string>> = {}): ChildProcess {
  const path = fileURLToPath(new URL(file, import.meta.url));
  return fork(path, [], {
    execArgv: ['--import', 'tsx'],
    env: { PATH: process.env.PATH, TMPDIR: process.env.TMPDIR, ...env },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

/** SIGKILL; resolves when it has ended. */
export async function killChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}
