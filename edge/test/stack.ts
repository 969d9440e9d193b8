import { createKeys, type Keys } from '../../deploy/local/keys.ts';
import { freePort } from '../../deploy/local/ports.ts';
import { type EdgeOptions, type EdgeServer, edgeUrl, startEdge } from '../../deploy/local/servers/edge.ts';
import { type OriginServer, startOrigin } from '../../deploy/local/servers/origin.ts';
import type { Running } from '../../deploy/local/servers/process.ts';
import { startRedis } from '../../deploy/local/servers/redis.ts';
import { startUpstash } from '../../deploy/local/servers/upstash.ts';
import { createDatabase } from '../../shared/testing/database.ts';

/** A real edge on Deno over real stores and two real nodes; the state Redis is a server of its own. */
export interface EdgeStack<E = EdgeServer> {
  readonly edge: E;
  readonly nodes: readonly OriginServer[];
  readonly keys: Keys;
  readonly stateRedisUrl: string;
  /** The state Redis stops answering. */
  stopState(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts everything, with these keys or fresh ones; what was started ends again when a part cannot. */
export function startEdgeStack(): Promise<EdgeStack<EdgeServer>>;
export function startEdgeStack<E extends Running>(
  start: (options: EdgeOptions) => Promise<E>,
  given?: Keys,
): Promise<EdgeStack<E>>;
export async function startEdgeStack(
  start: (options: EdgeOptions) => Promise<Running> = startEdge,
  given?: Keys,
): Promise<EdgeStack<Running>> {
  const ends: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const end of ends.splice(0).reverse()) await end();
  };
  const started = <T extends { stop(): Promise<void> }>(part: T): T => {
    ends.push(() => part.stop());
    return part;
  };
  try {
    const keys = given ?? (await createKeys());
    const port = await freePort();
    const [relay, state, database] = await Promise.all([startRedis(), startRedis(), createDatabase()]);
    ends.push(relay.stop, state.stop, database.drop);
    const rest = started(await startUpstash({ redisUrl: state.url }));
    const base = {
      relayUrl: relay.url,
      databaseUrl: database.url,
      edgeKeys: keys.publicKeys,
      frankingKey: keys.frankingKey,
    };
    const nodes: OriginServer[] = [];
    for (const node of ['n1', 'n2'])
      nodes.push(
        started(await startOrigin({ ...base, node, edgeIssuer: edgeUrl(port), webOrigins: [edgeUrl(port)] })),
      );
    const edge = started(
      await start({
        port,
        keys,
        stateUrl: rest.url,
        stateToken: rest.token,
        originApi: nodes.map(({ internalUrl }) => internalUrl),
        sockets: nodes.map(({ url }) => url),
      }),
    );
    return { edge, nodes, keys, stateRedisUrl: state.url, stopState: rest.stop, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
