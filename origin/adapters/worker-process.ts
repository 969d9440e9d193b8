import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Worker } from '../supervisor.ts';

export interface WorkerOptions {
  /** The program and its arguments, for this Node. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Each line it prints, to pass on. */
  readonly onLine: (line: string) => void;
}

/**
 * Runs one node in a process of its own. It is told of our end by a channel that closes with us, however we end, and
 * stops then; so no process outlives its supervisor.
 */
export function startWorker({ args, env, onLine }: WorkerOptions): Worker {
  let health: string | undefined;
  const child = spawn(process.execPath, [...process.execArgv, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    // Ctrl-C reaches only us: we stop them, gently and in order.
    detached: true,
  });
  if (child.stdout !== null)
    createInterface({ input: child.stdout }).on('line', (line) => {
      health ??= healthUrlIn(line);
      onLine(line);
    });
  return {
    ended: new Promise((resolve) => {
      child.once('error', () => resolve(undefined));
      child.once('exit', (code) => resolve(code ?? undefined));
    }),
    healthUrl: () => health,
    signal: (name) => void child.kill(name),
  };
}

/** A node says on which port its health endpoints are (`origin.listening`). */
function healthUrlIn(line: string): string | undefined {
  const [, port] = /"event":"origin\.listening".*"part":"health".*"port":(\d+)/.exec(line) ?? [];
  return port === undefined ? undefined : `http://127.0.0.1:${port}`;
}
