import type { Tag } from '../../../shared/frame.ts';
import { askRedis } from '../servers/redis-ask.ts';
import { type ClusterNode, type RedisCluster, startRedisCluster } from '../servers/redis-cluster.ts';
import { cutOff, letBackIn } from '../servers/redis-cluster-commands.ts';
import type { History } from './history.ts';
import type { ShardOf } from './lives.ts';
import { type FailoverHow, SHARDS, type StoreFault } from './schedule.ts';
import { oneAtATime, type Store } from './store.ts';
import { pause } from './wire.ts';

/** Longer than twice the time after which a server counts as failed: sooner, none votes for the same shard again. */
const VOTES_AGAIN_MS = 3_200;

type Failover = Extract<StoreFault, { kind: 'failover' }>;

/** The relay as a Redis Cluster of three masters, each with a replica. */
export async function startCluster(history: History): Promise<Store> {
  const cluster = await startRedisCluster({ masters: SHARDS, replicas: 1 });
  const shards = cluster.masters.map((master, index) => {
    const [replica] = cluster.replicas[index] ?? [];
    if (replica === undefined) throw new Error(`No replica of master ${index}`);
    return new Shard({ cluster, history, index, master, replica });
  });
  return {
    url: cluster.url,
    shards: () => locate(shards),
    inflict: oneAtATime(async (fault) => {
      if (fault.kind !== 'failover') throw new TypeError('A Cluster is not restarted as one');
      await shards[fault.shard]?.failOver(fault);
    }),
    stop: () => cluster.stop(),
  };
}

/** A key ends in the tag that it is about. */
async function locate(shards: readonly Shard[]): Promise<ShardOf> {
  const places = new Map<Tag, number>();
  for (const [index, shard] of shards.entries())
    for (const key of await shard.keys()) places.set(key.slice(key.lastIndexOf(':') + 1), index);
  return (tag) => places.get(tag) ?? 0;
}

interface ShardOptions {
  readonly cluster: RedisCluster;
  readonly history: History;
  readonly index: number;
  readonly master: ClusterNode;
  readonly replica: ClusterNode;
}

/** A master and its replica, which change places with every failover. */
class Shard {
  readonly #cluster: RedisCluster;
  readonly #history: History;
  readonly #index: number;
  #master: ClusterNode;
  #replica: ClusterNode;
  #votedAtMs = Number.NEGATIVE_INFINITY;

  constructor({ cluster, history, index, master, replica }: ShardOptions) {
    this.#cluster = cluster;
    this.#history = history;
    this.#index = index;
    this.#master = master;
    this.#replica = replica;
  }

  async keys(): Promise<string[]> {
    return (await askRedis(this.#master.url, 'KEYS', '*')) as string[];
  }

  /** Resolves when the old master follows the new one, and is in step with it. */
  failOver({ how, forMs }: Failover): Promise<void> {
    return this.#how[how](forMs);
  }

  readonly #how: Readonly<Record<FailoverHow, (forMs: number) => Promise<void>>> = {
    orderly: async () => {
      await this.#agree();
      await this.#cluster.following(this.#replica, this.#master);
    },
    elected: async () => {
      await this.#change(async () => {
        await this.#cluster.kill(this.#master);
        await this.#cluster.elected(this.#replica);
        this.#votedAtMs = performance.now();
      });
      await this.#bringBack();
    },
    lossy: (forMs) => this.#overrule(forMs),
    // Cut off at once: what the new master writes first may never have reached the old one, which then rules again.
    back: async (forMs) => {
      await this.#agree();
      await this.#overrule(forMs);
    },
  };

  async #agree(): Promise<void> {
    await pause(this.#votedAtMs + VOTES_AGAIN_MS - performance.now());
    await this.#change(() => this.#cluster.failover(this.#replica, 'orderly'));
    this.#votedAtMs = performance.now();
  }

  /** The replica is cut off for so long, and takes over then without what was accepted meanwhile. */
  async #overrule(forMs: number): Promise<void> {
    await this.#change(async () => {
      await cutOff(this.#replica, this.#master);
      await pause(forMs);
      await this.#cluster.kill(this.#master);
      await this.#cluster.failover(this.#replica, 'takeover');
    });
    await letBackIn(this.#master, this.#cluster.password);
    await this.#bringBack();
  }

  /** Tells the history before and after, and who is who from now on. */
  async #change(takeOver: () => Promise<void>): Promise<void> {
    const shard = this.#index;
    this.#history.add({ kind: 'store-lost', shard });
    await takeOver();
    [this.#master, this.#replica] = [this.#replica, this.#master];
    this.#history.add({ kind: 'store-returned', shard });
  }

  /** The killed master starts again, as a replica. */
  async #bringBack(): Promise<void> {
    this.#replica = await this.#cluster.restart(this.#replica);
    await this.#cluster.following(this.#replica, this.#master);
  }
}
