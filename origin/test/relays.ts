import { Cluster, Redis } from 'ioredis';
import { startRedis } from '../../deploy/local/servers/redis.ts';
import { type RedisCluster, startRedisCluster } from '../../deploy/local/servers/redis-cluster.ts';
import { openRelay, type Relay, type RelayOptions } from '../adapters/redis-relay.ts';

/** What carries a relay: one server or a Cluster. */
export interface Carrier {
  readonly urls: readonly string[];
  /** A client of the test's own, for every key. */
  readonly raw: Redis | Cluster;
  /** Runs a command on every server that takes writes. */
  everywhere(run: (redis: Redis) => Promise<unknown>): Promise<void>;
  stop(): Promise<void>;
}
export type StartCarrier = () => Promise<Carrier>;

/** A server of its own. */
export const startSingle: StartCarrier = async () => {
  const server = await startRedis();
  const raw = new Redis(server.url, { protocol: 2 });
  return {
    urls: [server.url],
    raw,
    everywhere: async (run) => void (await run(raw)),
    stop: async () => {
      raw.disconnect();
      await server.stop();
    },
  };
};

/** One Cluster for all suites of a file, each with clients of its own; `stop` ends it for good. */
export function shareCluster(options: Parameters<typeof startRedisCluster>[0] = {}) {
  let started: Promise<RedisCluster> | undefined;
  const cluster = () => {
    started ??= startRedisCluster(options);
    return started;
  };
  const start: StartCarrier = async () => {
    const { url, masters, password } = await cluster();
    const raw = new Cluster(
      masters.map(({ port }) => ({ host: '127.0.0.1', port })),
      { redisOptions: { password, protocol: 2 } },
    );
    return {
      urls: url.split(','),
      raw,
      everywhere: async (run) => void (await Promise.all(raw.nodes('master').map(run))),
      stop: async () => raw.disconnect(),
    };
  };
  return { cluster, start, stop: async () => (await started)?.stop() };
}

/** A node's whole relay over a carrier. */
export function openOn(urls: readonly string[], options: Partial<RelayOptions> = {}): Promise<Relay> {
  return openRelay({ urls, log: () => undefined, now: Date.now, retentionHours: 24, ...options }, 5_000);
}
