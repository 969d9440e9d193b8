import { rm } from 'node:fs/promises';
import { Endings } from '../endings.ts';
import { openDatabase, openRelay, openState, type Parts, serveEdge } from '../parts.ts';
import { createPortPicker } from '../ports.ts';
import { edgeUrl } from '../servers/edge.ts';
import { type OriginServer, startOrigin } from '../servers/origin.ts';
import { temporaryDirectory } from '../servers/temporary.ts';
import { openStateDir } from '../state-dir.ts';

/** How a node is replaced. */
export interface Replacement {
  /** SIGKILL instead of SIGTERM. */
  readonly isKilled: boolean;
  /** The next process listens on the same port before the old one is told to stop. */
  readonly isBeside: boolean;
  /** Root of the tree whose code the next process runs; default this checkout. */
  readonly tree?: string | undefined;
}

export interface FleetOptions {
  readonly nodes: number;
  readonly windowMs: number;
  /** Root of the tree whose code everything runs at first; default this checkout. */
  readonly tree?: string | undefined;
  readonly say: (sentence: string) => void;
}

/** A stack of its own whose nodes can be replaced, each by a new process in its place. */
export interface Fleet {
  readonly edgeUrl: string;
  readonly names: readonly string[];
  /** Health endpoints of the process that serves a place now. */
  healthUrl(place: number): string;
  /** Another process of the edge, on the same port; calls meanwhile have to be repeated. */
  replaceEdge(tree: string | undefined): Promise<void>;
  /** Resolves when the new process is ready and the old one has ended; throws when that did not end well. */
  replace(place: number, how: Replacement): Promise<void>;
  stop(): Promise<void>;
}

/** Longest wait for a process to end after its drain began: well over the 10 s that a laggard gets. */
const END_DEADLINE_MS = 300_000;

/** One address of the sockets, and two processes that may serve it in turn. */
interface Place {
  readonly port: number;
  readonly shifts: readonly { readonly internalPort: number; readonly healthPort: number }[];
  generation: number;
  server: OriginServer;
}

/** Starts it; whatever happens on the way, nothing that was started stays. */
export async function startFleet({ nodes: nodeCount, say, ...options }: FleetOptions): Promise<Fleet> {
  const home = await temporaryDirectory('roll');
  const endings = new Endings();
  endings.add('directory', () => rm(home, { recursive: true, force: true }));
  try {
    const state = await openStateDir(home, { isFresh: false });
    endings.add('directory', () => state.claim.release());
    const parts: Parts = { state, endings, given: undefined, nodeCount, preferred: {}, say };
    return await compose(parts, options);
  } catch (error) {
    await endings.run();
    throw error;
  }
}

type Settings = Pick<FleetOptions, 'windowMs' | 'tree'>;

async function compose(parts: Parts, { windowMs, tree: firstTree }: Settings): Promise<Fleet> {
  const { state, endings, nodeCount, say } = parts;
  const pick = createPortPicker();
  const edgePort = await pick(undefined);
  const [keys, relayUrl, databaseUrl] = await Promise.all([
    state.keys(),
    openRelay(parts),
    openDatabase(parts),
  ]);
  const rest = await openState(parts, relayUrl);
  const start = (
    place: Pick<Place, 'port' | 'shifts' | 'generation'>,
    { name, tree }: { readonly name: string; readonly tree: string | undefined },
  ) =>
    startOrigin({
      tree,
      node: `${name}-${place.generation}`,
      port: place.port,
      ...place.shifts[place.generation % place.shifts.length],
      relayUrl,
      databaseUrl,
      edgeIssuer: edgeUrl(edgePort),
      edgeKeys: keys.publicKeys,
      frankingKey: keys.frankingKey,
      env: { HUSHWIRE_ORIGIN_SHARE_PORT: 'yes', HUSHWIRE_ORIGIN_DRAIN_WINDOW_MS: String(windowMs) },
      onSpawn: state.claim.record,
    });
  const places: Place[] = [];
  for (let i = 0; i < nodeCount; i += 1) {
    const shift = async () => ({ internalPort: await pick(undefined), healthPort: await pick(undefined) });
    const place = { port: await pick(undefined), shifts: [await shift(), await shift()], generation: 0 };
    places.push({ ...place, server: await start(place, { name: `node-${i + 1}`, tree: firstTree }) });
    say(`origin node-${i + 1}`);
  }
  endings.add('origins', () => Promise.all(places.map(({ server }) => server.stop())));
  // The edge may reach every process that may ever serve; those that do not run now are passed over.
  const internal = places.flatMap(({ shifts }) => shifts.map(({ internalPort }) => internalPort));
  const nodes = internal.map((port, i) => ({
    ...(places[Math.floor(i / 2)] as Place).server,
    internalUrl: `http://127.0.0.1:${port}`,
  }));
  const openEdge = (tree: string | undefined) =>
    serveEdge(parts, { keys, port: edgePort, rest, nodes, tree });
  let edge = await openEdge(firstTree);
  const restart = async (place: Place, what: { name: string; tree: string | undefined }) => {
    place.generation += 1;
    place.server = await start(place, what);
  };
  return {
    edgeUrl: edge.url,
    names: places.map((_, i) => `node-${i + 1}`),
    healthUrl: (index) => places[index]?.server.healthUrl ?? '',
    replaceEdge: async (tree) => {
      await edge.stop();
      edge = await openEdge(tree);
    },
    stop: () => endings.run(),
    replace: async (index, { isKilled, isBeside, tree }) => {
      const place = places[index];
      if (place === undefined) throw new Error(`There is no node ${index + 1}`);
      const old = place.server;
      const name = `node-${index + 1}`;
      const next = { name, tree };
      if (isBeside) await restart(place, next);
      await (isKilled ? old.kill() : old.stopGently(END_DEADLINE_MS));
      const { code, signal } = await old.ended;
      if (!isKilled && code !== 0) throw new Error(`${name} ended with ${signal ?? `exit code ${code}`}`);
      if (!isBeside) await restart(place, next);
    },
  };
}
