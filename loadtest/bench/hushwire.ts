/** Hushwire as a target: its origin nodes as they ship, and an edge in front where a row asks for one. */
import { createKeys, type Keys } from '../../deploy/local/keys.ts';
import { freePort } from '../../deploy/local/ports.ts';
import { edgeUrl, startEdge } from '../../deploy/local/servers/edge.ts';
import { type OriginServer, startOrigin } from '../../deploy/local/servers/origin.ts';
import { startPostgres } from '../../deploy/local/servers/postgres.ts';
import { startRedis } from '../../deploy/local/servers/redis.ts';
import { startUpstash } from '../../deploy/local/servers/upstash.ts';
import type { Running, StartOptions } from './target.ts';

/** Starts it on fresh stores. Postgres is there because a node needs it to start; no message touches it. */
export async function startHushwire({
  processes,
  env = {},
  hasEdge = false,
}: StartOptions): Promise<Running> {
  const [keys, redis, postgres, port] = await Promise.all([
    createKeys(),
    startRedis(),
    startPostgres(),
    freePort(),
  ]);
  const issuer = edgeUrl(port);
  const stores = { relayUrl: redis.url, databaseUrl: postgres.url };
  const trust = { edgeIssuer: issuer, edgeKeys: keys.publicKeys };
  const start = (node: string) => startOrigin({ node, ...stores, ...trust, env });
  // The first one alone: it prepares the database.
  const nodes = [await start('n1')];
  nodes.push(...(await Promise.all(Array.from({ length: processes - 1 }, (_, i) => start(`n${i + 2}`)))));
  const edge = hasEdge ? await startFront({ keys, port, nodes, redisUrl: redis.url }) : undefined;
  return {
    name: 'hushwire',
    speech: { kind: 'hushwire', issuer, signingKeys: keys.signingKeys },
    urls: nodes.map(({ url }) => url),
    pids: nodes.map(({ pid }) => pid),
    redisPid: redis.pid,
    ...(edge === undefined ? {} : { edge: { url: issuer.replace('http', 'ws'), pid: edge.pid } }),
    kill: async (index) => nodes[index]?.kill(),
    stop: async () => {
      await edge?.stop();
      await Promise.all(nodes.map((node) => node.stop()));
      await Promise.all([redis.stop(), postgres.stop()]);
    },
  };
}

interface Front {
  readonly keys: Keys;
  readonly port: number;
  readonly nodes: readonly OriginServer[];
  readonly redisUrl: string;
}

async function startFront({ keys, port, nodes, redisUrl }: Front) {
  const rest = await startUpstash({ redisUrl });
  const edge = await startEdge({
    port,
    keys,
    stateUrl: rest.url,
    stateToken: rest.token,
    originApi: nodes.map(({ internalUrl }) => internalUrl),
    sockets: nodes.map(({ url }) => url),
  });
  const stop = async () => {
    await edge.stop();
    await rest.stop();
  };
  return { pid: edge.pid, stop };
}
