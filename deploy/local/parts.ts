/** The parts of the stack, each started in the place where its data, its ports and its end are known. */
import type { Endings } from './endings.ts';
import type { Given } from './given.ts';
import type { Keys } from './keys.ts';
import { createPortPicker } from './ports.ts';
import { type EdgeServer, edgeUrl, startEdge } from './servers/edge.ts';
import { type OriginServer, startOrigin } from './servers/origin.ts';
import { startPostgres } from './servers/postgres.ts';
import { startRedis } from './servers/redis.ts';
import { startUpstash } from './servers/upstash.ts';
import type { StateDir } from './state-dir.ts';
import { buildWeb } from './web-build.ts';

/** Preferred ports; the nodes count up from theirs. A busy one is replaced by a free one. */
export interface PreferredPorts {
  readonly edge?: number | undefined;
  readonly socket?: number | undefined;
  readonly internal?: number | undefined;
  readonly health?: number | undefined;
}

/** What every part needs to know. */
export interface Parts {
  readonly state: StateDir;
  readonly endings: Endings;
  readonly given: Given | undefined;
  readonly nodeCount: number;
  readonly preferred: PreferredPorts;
  /** Whether the edge serves the web messenger. */
  readonly hasWeb?: boolean;
  readonly say: (sentence: string) => void;
}

export interface NodePorts {
  readonly port: number;
  readonly internalPort: number;
  readonly healthPort: number;
}
export interface StackPorts {
  readonly edge: number;
  readonly nodes: readonly NodePorts[];
}

/** Ports for the edge and the nodes; says so when the edge does not get the preferred one. */
export async function pickPorts({ nodeCount, preferred, say }: Parts): Promise<StackPorts> {
  const pick = createPortPicker();
  const edge = await pick(preferred.edge);
  if (preferred.edge !== undefined && edge !== preferred.edge)
    say(`port ${preferred.edge} is busy, so the edge takes ${edge}`);
  const nodes: NodePorts[] = [];
  for (let index = 0; index < nodeCount; index += 1)
    nodes.push({
      port: await pick(count(preferred.socket, index)),
      internalPort: await pick(count(preferred.internal, index)),
      healthPort: await pick(count(preferred.health, index)),
    });
  return { edge, nodes };
}

/** URL of the relay Redis. */
export async function openRelay({ state, endings, given, say }: Parts): Promise<string> {
  if (given?.relayUrl !== undefined) {
    say('Redis: yours');
    return given.relayUrl;
  }
  const redis = await startRedis({ dir: state.redis, onSpawn: state.claim.record });
  endings.add('stores', redis.stop);
  endings.watch('Redis', redis);
  say('Redis');
  return redis.url;
}

/** URL of Postgres. */
export async function openDatabase({ state, endings, given, say }: Parts): Promise<string> {
  if (given?.databaseUrl !== undefined) {
    say('PostgreSQL: yours');
    return given.databaseUrl;
  }
  const postgres = await startPostgres({ dir: state.postgres, onSpawn: state.claim.record, say });
  endings.add('stores', postgres.stop);
  endings.watch('PostgreSQL', postgres);
  say('PostgreSQL');
  return postgres.url;
}

export interface Rest {
  readonly url: string;
  readonly token: string;
}

/** REST address of the state Redis: given, or an endpoint over the relay Redis. */
export async function openState({ endings, given, say }: Parts, redisUrl: string): Promise<Rest> {
  if (given?.state !== undefined) {
    say('state Redis: yours');
    return given.state;
  }
  const upstash = await startUpstash({ redisUrl });
  endings.add('upstash', upstash.stop);
  say('REST endpoint of Redis');
  return upstash;
}

interface Over {
  readonly keys: Keys;
  readonly ports: StackPorts;
  readonly redisUrl: string;
  readonly databaseUrl: string;
}

/** The origin nodes, all at the same time. */
export async function openNodes(parts: Parts, over: Over): Promise<readonly OriginServer[]> {
  const starts = over.ports.nodes.map((_, index) => openNode(parts, { ...over, index }));
  await Promise.allSettled(starts);
  return Promise.all(starts);
}

async function openNode(
  { state, endings, given, say }: Parts,
  { keys, ports, redisUrl, databaseUrl, index }: Over & { readonly index: number },
): Promise<OriginServer> {
  const issuer = edgeUrl(ports.edge);
  const origin = await startOrigin({
    ...ports.nodes[index],
    node: `node-${index + 1}`,
    relayUrl: redisUrl,
    databaseUrl,
    edgeIssuer: issuer,
    edgeKeys: keys.publicKeys,
    frankingKey: keys.frankingKey,
    // Pages that the edge itself serves open their sockets here.
    webOrigins: [issuer, ...(given?.webOrigins ?? [])],
    env: given?.originEnv,
    onSpawn: state.claim.record,
  });
  endings.add('origins', origin.stop);
  endings.watch(`origin ${origin.node}`, origin);
  say(`origin ${origin.node}`);
  return origin;
}

interface EdgeOver {
  readonly keys: Keys;
  readonly port: number;
  readonly rest: Rest;
  readonly nodes: readonly Pick<OriginServer, 'internalUrl' | 'url'>[];
  /** Root of the tree whose code it runs; default this checkout. */
  readonly tree?: string | undefined;
}

/** The edge over everything else. */
export async function serveEdge(
  { state, endings, given, say, hasWeb }: Parts,
  { keys, port, rest, nodes, tree }: EdgeOver,
): Promise<EdgeServer> {
  if (hasWeb) await buildWeb(state.web);
  const edge = await startEdge({
    port,
    keys,
    stateUrl: rest.url,
    stateToken: rest.token,
    originApi: nodes.map(({ internalUrl }) => internalUrl),
    sockets: nodes.map(({ url }) => url),
    webOrigins: given?.webOrigins,
    env: given?.edgeEnv,
    tree,
    dir: state.deno,
    webDir: hasWeb ? state.web : undefined,
    onSpawn: state.claim.record,
  });
  endings.add('edge', edge.stop);
  endings.watch('edge', edge);
  say('edge');
  return edge;
}

function count(first: number | undefined, index: number): number | undefined {
  return first === undefined ? undefined : first + index;
}
