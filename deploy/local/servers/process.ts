/**
 * Child processes that never outlive us. Each one leads its own process group, so that Ctrl-C in a terminal reaches
 * only this process, which then ends its children in the order it wants. Whatever is left when this process exits, by
 * an exception or by a signal nobody else handles, is killed from the `exit` hook. Only a SIGKILL of this process
 * leaves children behind; `state-dir.ts` finds those at the next start.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Account } from './account.ts';

/** Output lines kept per child, newest last: more than any test reads, little enough to hold for days. */
const LINES_MAX = 10_000;
/** Output shown when a child failed: the cause is in the last lines or nowhere. */
const LINES_SHOWN = 15;
/** A busy two-core machine needs about a tenth of this for the slowest child. */
const READY_TIMEOUT_MS = 30_000;
/** From the polite signal to SIGKILL; longer than any child needs to flush to disk. */
const STOP_TIMEOUT_MS = 10_000;

export interface ProcessOptions {
  /** What people call it, for messages: `Redis`. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment of the child; nothing of ours is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string | undefined;
  /** Runs as this account instead of ours. */
  readonly account?: Account | undefined;
  /** Written to its standard input: the place for what must not be seen in a process list. */
  readonly input?: string | undefined;
  /** True for the output line by which it says that it is ready. */
  readonly isReady: (line: string) => boolean;
  /** Called at once after the child exists, long before it is ready. */
  readonly onSpawn?: OnSpawn | undefined;
  /** Default SIGTERM. */
  readonly stopSignal?: NodeJS.Signals | undefined;
  /** Sent right behind it, to a child that takes its time after the first: "at once". */
  readonly hurrySignal?: NodeJS.Signals | undefined;
  /** Sent when this process exits with the child alive. Default SIGKILL. */
  readonly exitSignal?: NodeJS.Signals | undefined;
  readonly readyTimeoutMs?: number | undefined;
  /** From the polite signal to SIGKILL. */
  readonly stopTimeoutMs?: number | undefined;
}

/** Told about each child, so that somebody can write it down. */
export type OnSpawn = (name: string, pid: number) => void;

/** How a child ended; `wasAsked` is false when it ended on its own. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly wasAsked: boolean;
}

export interface RunningProcess {
  readonly pid: number;
  /** What it printed so far, at most the last 10,000 lines; the array grows while it runs. */
  readonly lines: string[];
  /** Resolves when it and everything that shares its output has ended. Never rejects. */
  readonly ended: Promise<Exit>;
  /** Asks it to end, and kills it when that takes too long (10 s). Resolves when it has ended; may be called again. */
  stop(): Promise<void>;
  /** The same without any hurry: it is killed after `timeoutMs` only. */
  stopGently(timeoutMs: number): Promise<void>;
  /** Kills it at once (SIGKILL), as a crash would. Resolves when it has ended. */
  kill(): Promise<void>;
}

/** A server of any kind that is ready at `url`. `pid` is undefined when it runs inside this process. */
export interface Running {
  readonly url: string;
  readonly port: number;
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

/** A server in a child process. */
export interface RunningServer extends Running {
  readonly pid: number;
  readonly lines: string[];
  readonly ended: Promise<Exit>;
}

/**
 * Starts a child and resolves once it printed its ready line. Throws an Error with its last output when it ends or
 * stays silent instead; it has ended then.
 */
export async function startProcess(options: ProcessOptions): Promise<RunningProcess> {
  const child = spawnLeader(options);
  const lines: string[] = [];
  const state = { wasAsked: false };
  const ended = watchEnd(child, state);
  const isReady = collect(child, { lines, isReady: options.isReady });
  const { pid } = child;
  const { stopTimeoutMs = STOP_TIMEOUT_MS, stopSignal = 'SIGTERM', hurrySignal } = options;
  if (pid === undefined) throw new Error(`Cannot start ${options.name}: ${options.command} does not run`);
  guard({ child, ended, signal: options.exitSignal ?? 'SIGKILL' });
  options.onSpawn?.(options.name, pid);
  const end = async (signals: readonly NodeJS.Signals[], timeoutMs = stopTimeoutMs) => {
    state.wasAsked = true;
    for (const signal of signals) child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    await ended;
    clearTimeout(timer);
  };
  try {
    await awaitReady(options, { isReady, ended });
  } catch (error) {
    await end(['SIGKILL']);
    throw new Error(`Cannot start ${options.name}: ${(error as Error).message}${tail(lines)}`);
  }
  return {
    pid,
    lines,
    ended,
    stop: () => end(hurrySignal === undefined ? [stopSignal] : [stopSignal, hurrySignal]),
    stopGently: (timeoutMs) => end([stopSignal], timeoutMs),
    kill: () => end(['SIGKILL']),
  };
}

/** The last lines of a child's output, indented, behind a line break; empty when there are none. */
export function tail(lines: readonly string[]): string {
  return lines
    .slice(-LINES_SHOWN)
    .map((line) => `\n    ${line}`)
    .join('');
}

function spawnLeader({ command, args, env, cwd, account, input }: ProcessOptions): ChildProcess {
  const child = spawn(command, args, {
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    ...(cwd === undefined ? {} : { cwd }),
    ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
  });
  // A child that ends before it read its input is reported by its end, not by the broken pipe.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(input ?? '');
  return child;
}

async function watchEnd(child: ChildProcess, state: { readonly wasAsked: boolean }): Promise<Exit> {
  if (child.pid === undefined) {
    await once(child, 'error');
    return { code: null, signal: null, wasAsked: false };
  }
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal, wasAsked: state.wasAsked };
}

/** Keeps the child's lines, and resolves at the first one that means ready. */
function collect(
  child: ChildProcess,
  { lines, isReady }: { lines: string[]; isReady: (line: string) => boolean },
): Promise<void> {
  return new Promise((resolve) => {
    const keep = (line: string) => {
      if (lines.push(line) > LINES_MAX) lines.shift();
      if (isReady(line)) resolve();
    };
    for (const output of [child.stdout, child.stderr])
      if (output !== null) createInterface({ input: output as Readable }).on('line', keep);
  });
}

async function awaitReady(
  { readyTimeoutMs = READY_TIMEOUT_MS }: ProcessOptions,
  { isReady, ended }: { isReady: Promise<void>; ended: Promise<Exit> },
): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not ready after ${readyTimeoutMs / 1000} s`)), readyTimeoutMs);
  });
  const early = ended.then(({ code, signal }) => {
    throw new Error(`it ended at once (${signal ?? `exit code ${code}`})`);
  });
  try {
    await Promise.race([isReady, early, limit]);
  } finally {
    clearTimeout(timer);
    early.catch(() => undefined);
  }
}

interface Guarded {
  readonly child: ChildProcess;
  readonly ended: Promise<Exit>;
  readonly signal: NodeJS.Signals;
}
const guarded = new Set<Guarded>();

/** Makes sure that the child does not outlive this process. */
function guard(entry: Guarded): void {
  if (guarded.size === 0 && process.listenerCount('exit', endGuarded) === 0) {
    process.on('exit', endGuarded);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, leave);
  }
  guarded.add(entry);
  void entry.ended.then(() => guarded.delete(entry));
}

function endGuarded(): void {
  for (const { child, signal } of guarded) child.kill(signal);
}

/** What the signal would have done had we not listened, but by way of the `exit` hook. */
function leave(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) === 1) process.exit(128 + constants.signals[signal]);
}
