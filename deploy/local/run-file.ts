/**
 * `run.json` of a state directory: which stack runs from it and what it started. It is the lock that keeps a second
 * stack out, the way `npm run try` finds the edge, and, after a SIGKILL, the list of what was left behind.
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { endProcess, identityOf } from './servers/identity.ts';

/** A process by number and by when it started. */
export interface Recorded {
  readonly name: string;
  readonly pid: number;
  readonly identity: string;
}
export interface RunNode {
  readonly node: string;
  readonly url: string;
  readonly internalUrl: string;
  readonly healthUrl: string;
}
/** What the file holds; only its owner may read it. Where the stack is, is there once the stack is ready. */
export interface Run {
  readonly supervisor: Recorded;
  readonly children: readonly Recorded[];
  readonly edgeUrl?: string;
  readonly nodes?: readonly RunNode[];
  /** The stores, with their passwords, for whoever must look into them, as `npm run try` does. */
  readonly redisUrl?: string;
  readonly databaseUrl?: string;
}
/** Where a ready stack is. */
export type Whereabouts = Required<Pick<Run, 'edgeUrl' | 'nodes' | 'redisUrl' | 'databaseUrl'>>;

/** The right to run a stack from one directory, held until `release()` or the end of this process. */
export interface Claim {
  /** Writes a child down, at once. */
  record(name: string, pid: number): void;
  /** Tells others where the stack is. */
  announce(where: Whereabouts): void;
  release(): void;
}

/** A stack already runs from the directory. */
export class AlreadyRunning extends Error {
  readonly run: Run;
  constructor(run: Run) {
    const where = run.edgeUrl === undefined ? 'is starting' : `runs at ${run.edgeUrl}`;
    super(`A stack from this directory already ${where} (process ${run.supervisor.pid}); end that one first`);
    this.run = run;
  }
}

/**
 * Claims the directory for this process; ends what a killed stack left running there. Throws AlreadyRunning when a
 * living stack holds it.
 */
export async function claimRun(dir: string): Promise<Claim> {
  const file = fileOf(dir);
  const self = describeProcess('stack', process.pid);
  let run: Run = { supervisor: self, children: [] };
  // What was left stays written down, now as ours, until it has ended.
  while (!create(file, run)) run = { supervisor: self, children: takeOver(file)?.children ?? [] };
  const update = (change: Partial<Run>) => {
    run = { ...run, ...change };
    replace(file, run);
  };
  const release = () => {
    process.off('exit', release);
    if (readRun(file)?.supervisor.identity === self.identity) rmSync(file, { force: true });
  };
  process.on('exit', release);
  await endLeftovers(run.children);
  update({ children: [] });
  return {
    record: (name, pid) => update({ children: [...run.children, describeProcess(name, pid)] }),
    announce: update,
    release,
  };
}

/** The stack that runs from the directory now; undefined when none does. */
export function liveRun(dir: string): Run | undefined {
  const run = readRun(fileOf(dir));
  return run !== undefined && isAlive(run.supervisor) ? run : undefined;
}

function fileOf(dir: string): string {
  return join(dir, 'run.json');
}

/** A process that is already gone gets an identity that nothing matches. */
function describeProcess(name: string, pid: number): Recorded {
  return { name, pid, identity: identityOf(pid) ?? '' };
}

function isAlive({ pid, identity }: Recorded): boolean {
  return identity !== '' && identityOf(pid) === identity;
}

/** Newest first: the edge and the origins before the stores they use. */
async function endLeftovers(children: readonly Recorded[]): Promise<void> {
  for (const child of children.toReversed()) if (isAlive(child)) await endProcess(child.pid);
}

/** False when the file is there. It appears with all its content, so nobody reads half of it. */
function create(file: string, run: Run): boolean {
  const draft = write(file, run);
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function replace(file: string, run: Run): void {
  renameSync(write(file, run), file);
}

function write(file: string, run: Run): string {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(run, null, 2)}\n`, { mode: 0o600 });
  return draft;
}

/**
 * Moves the file of a dead stack out of the way; what it said. Moving decides who of several takes over: only one can
 * move a given file, and whoever moved a living one by a hair puts it back.
 */
function takeOver(file: string): Run | undefined {
  const seen = readRun(file);
  if (seen !== undefined && isAlive(seen.supervisor)) throw new AlreadyRunning(seen);
  const aside = `${file}.${process.pid}.stale`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const moved = readRun(aside);
  if (moved !== undefined && isAlive(moved.supervisor)) renameSync(aside, file);
  else rmSync(aside, { force: true });
  return moved !== undefined && isAlive(moved.supervisor) ? undefined : moved;
}

/** Undefined when there is no file, or one that no stack of ours wrote. */
function readRun(file: string): Run | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Run;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
