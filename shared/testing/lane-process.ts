import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { endGroup, groupMembers } from './group.ts';
import type { Lane } from './lanes.ts';
import type { Results } from './results.ts';

/** A lane that ran: its counts, what it printed, and how long it took. */
export interface LaneRun {
  readonly name: string;
  readonly results: Results;
  readonly output: string;
  readonly ms: number;
}

export interface LaneOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborting ends the lane and everything it started. */
  readonly signal: AbortSignal;
  /** The program that runs the files; replaced only by the tests of this file. */
  readonly runner?: string;
}

const PIPE_GRACE_MS = 1_000;

/**
 * Runs one lane in a process group of its own, and ends that group when the time is up or the signal aborts. Red, as one
 * failure more, if the lane ended without a result, by another code than its result, or left a process behind.
 */
export async function runLane(lane: Lane, options: LaneOptions): Promise<LaneRun> {
  const dir = await mkdtemp(join(tmpdir(), 'hushwire-lane-'));
  const resultsFile = join(dir, 'results.json');
  const startedMs = performance.now();
  try {
    const child = start(lane, resultsFile, options);
    const output = collect(child);
    const faults = await ended(child, lane, options.signal);
    const results = await readResults(resultsFile);
    if (results === undefined) faults.push('ended without a result');
    else if ((child.exitCode === 0) !== (results.failed === 0)) faults.push(`ended with ${child.exitCode}`);
    const ms = performance.now() - startedMs;
    const told = faults.map((fault) => `FAULT ${fault}\n`).join('');
    return { name: lane.name, results: withFaults(results, faults), output: output() + told, ms };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

function start(lane: Lane, resultsFile: string, { env, runner }: LaneOptions): ChildProcess {
  const program = runner ?? fileURLToPath(new URL('run.ts', import.meta.url));
  const args = ['--import', 'tsx', program, '--results', resultsFile, ...lane.files];
  return spawn(process.execPath, args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
}

function collect(child: ChildProcess): () => string {
  const chunks: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString();
}

/** Waits for the child and clears its group; gives back what went wrong on the way. */
async function ended(child: ChildProcess, lane: Lane, signal: AbortSignal): Promise<string[]> {
  const closed = once(child, 'close');
  await once(child, 'spawn');
  const group = child.pid as number; // a child that was spawned has one
  const faults: string[] = [];
  const stop = (why: string) => {
    faults.push(why);
    void endGroup(group);
  };
  const interrupt = () => stop('interrupted');
  const timer = setTimeout(() => stop(`took more than ${lane.timeoutMs / 1000} s`), lane.timeoutMs);
  if (signal.aborted) interrupt();
  signal.addEventListener('abort', interrupt, { once: true });
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  clearTimeout(timer);
  signal.removeEventListener('abort', interrupt);
  const left = faults.length > 0 ? [] : await groupMembers(group);
  if (left.length > 0) faults.push(`left processes behind: ${left.join(', ')}`);
  await endGroup(group);
  // A process that left the group may still hold the pipes; its output is not worth more than a second.
  await Promise.race([closed, sleep(PIPE_GRACE_MS, undefined, { ref: false })]);
  return faults;
}

async function readResults(file: string): Promise<Results | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Results;
  } catch (error) {
    // The lane died before it could write; `runLane` counts that as a failure.
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function withFaults(results: Results | undefined, faults: readonly string[]): Results {
  const base = results ?? { passed: 0, failed: 0, skips: [], faults: [] };
  return { ...base, failed: base.failed + faults.length, faults: [...base.faults, ...faults] };
}
