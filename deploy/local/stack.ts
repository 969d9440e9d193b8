/**
 * The whole stack on this machine: Redis and PostgreSQL, then the REST endpoint over that Redis and the origin nodes,
 * then the edge. What can start at the same time does. Whatever happens on the way, nothing that was started stays.
 */
import { rm } from 'node:fs/promises';
import { Endings } from './endings.ts';
import type { Given } from './given.ts';
import {
  openDatabase,
  openNodes,
  openRelay,
  openState,
  type Parts,
  type PreferredPorts,
  pickPorts,
  serveEdge,
} from './parts.ts';
import { claimRun, type RunNode } from './run-file.ts';
import { temporaryDirectory } from './servers/temporary.ts';
import { openStateDir } from './state-dir.ts';

export interface StackOptions {
  /** Where keys and data live; absent: a temporary directory that `stop()` removes. */
  readonly dir?: string | undefined;
  /** Forgets what the directory holds before it starts. */
  readonly fresh?: boolean | undefined;
  /** Number of origin nodes; default 2. */
  readonly nodes?: number | undefined;
  /** Any free ports when absent. */
  readonly ports?: PreferredPorts | undefined;
  /** Real services to use; nothing local is started in their place. */
  readonly given?: Given | undefined;
  /** Builds the web messenger and has the edge serve it. */
  readonly web?: boolean | undefined;
  /** Told of each part that is ready, and of what people should know, a sentence at a time. */
  readonly onStep?: ((sentence: string) => void) | undefined;
}

export interface StackNode extends RunNode {
  readonly pid: number;
  readonly lines: string[];
  /** SIGKILL, as a crash would; the stack goes on without it. */
  kill(): Promise<void>;
}

export interface Stack {
  readonly edgeUrl: string;
  /** What the edge printed so far. */
  readonly edgeLines: readonly string[];
  readonly nodes: readonly StackNode[];
  readonly redisUrl: string;
  readonly databaseUrl: string;
  /** Resolves, with a sentence that says which and how, when a part ends that nobody asked to. */
  readonly broken: Promise<string>;
  /** Ends the edge, the nodes, then the rest. Resolves when everything has ended; may be called again. */
  stop(): Promise<void>;
}

/**
 * Starts everything and resolves when all of it is ready. Throws an Error in plain words when a part cannot be
 * started, after everything else has ended again; AlreadyRunning when a living stack holds the directory.
 */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const {
    dir,
    fresh: isFresh = false,
    nodes: nodeCount = 2,
    ports = {},
    given,
    onStep,
    web = false,
  } = options;
  const home = dir ?? (await temporaryDirectory('stack', { endStale }));
  const endings = new Endings();
  try {
    const state = await openStateDir(home, { isFresh });
    endings.add('directory', () => state.claim.release());
    const say = onStep ?? (() => undefined);
    return await compose({ state, endings, given, nodeCount, preferred: ports, say, hasWeb: web });
  } catch (error) {
    await endings.run();
    throw error;
  } finally {
    if (dir === undefined) endings.add('directory', () => rm(home, { recursive: true, force: true }));
  }
}

/** Claiming the directory of a killed stack ends what it left running. */
async function endStale(dir: string): Promise<void> {
  (await claimRun(dir)).release();
}

async function compose(parts: Parts): Promise<Stack> {
  const { state, endings } = parts;
  const [keys, ports, redisUrl, databaseUrl] = await allOf([
    state.keys(),
    pickPorts(parts),
    openRelay(parts),
    openDatabase(parts),
  ]);
  const [rest, nodes] = await allOf([
    openState(parts, redisUrl),
    openNodes(parts, { keys, ports, redisUrl, databaseUrl }),
  ]);
  const edge = await serveEdge(parts, { keys, port: ports.edge, rest, nodes });
  state.claim.announce({
    edgeUrl: edge.url,
    nodes: nodes.map(({ node, url, internalUrl, healthUrl }) => ({ node, url, internalUrl, healthUrl })),
    redisUrl,
    databaseUrl,
  });
  return {
    edgeUrl: edge.url,
    edgeLines: edge.lines,
    nodes,
    redisUrl,
    databaseUrl,
    broken: endings.broken,
    stop: () => endings.run(),
  };
}

/** Like Promise.all, but waits for every one before it throws: only then is everything known that must be ended. */
async function allOf<T extends readonly unknown[]>(
  promises: readonly [...{ [K in keyof T]: Promise<T[K]> }],
): Promise<T> {
  await Promise.allSettled(promises);
  return Promise.all(promises) as Promise<unknown> as Promise<T>;
}
