import type { Redis } from 'ioredis';
import { Failure } from '../../shared/failure.ts';
import type { NodeInfo } from '../../shared/internal.ts';
import type { Redemptions, Registry } from '../ports.ts';
import { relayKey } from './partitions.ts';
import type { RedisLink } from './redis-link.ts';

const INDEX = 'hw1:nodes:{nodes}';
const nodeKey = (node: string) => `hw1:node:{nodes}:${node}`;

/** How long an announcement lasts; nodes repeat theirs every 2 s, so three may be lost. */
const NODE_LIFE_SECONDS = 7;

/** The Registry over one key per node with a life of its own, so that no clock but Redis' decides who is gone. */
export class RedisRegistry implements Registry {
  readonly #link: RedisLink;

  constructor(link: RedisLink) {
    this.#link = link;
  }

  announce(self: NodeInfo): Promise<void> {
    return this.#within(async (redis) => {
      await redis
        .multi()
        .set(nodeKey(self.node), JSON.stringify(self), 'EX', NODE_LIFE_SECONDS)
        .sadd(INDEX, self.node)
        .exec();
    });
  }

  withdraw(node: string): Promise<void> {
    return this.#within(async (redis) => {
      await redis.multi().del(nodeKey(node)).srem(INDEX, node).exec();
    });
  }

  nodes(): Promise<readonly NodeInfo[]> {
    return this.#within(async (redis) => {
      const names = await redis.smembers(INDEX);
      if (names.length === 0) return [];
      const entries = await redis.mget(...names.map(nodeKey));
      const gone = names.filter((_, i) => entries[i] === null);
      if (gone.length > 0) await redis.srem(INDEX, ...gone);
      return entries.flatMap((entry) => (typeof entry === 'string' ? [JSON.parse(entry) as NodeInfo] : []));
    });
  }

  #within<T>(run: (redis: Redis) => Promise<T>): Promise<T> {
    return run(this.#link.redis).catch((cause: unknown) => {
      throw new Failure('unavailable', { cause });
    });
  }
}

/** The Redemptions over `SET NX EX`: the first caller gets true, everybody after it false. */
export class RedisRedemptions implements Redemptions {
  readonly #link: RedisLink;

  constructor(link: RedisLink) {
    this.#link = link;
  }

  async redeem(jti: string, lifeSeconds: number): Promise<boolean> {
    try {
      return (await this.#link.redis.set(relayKey('once', jti), '1', 'EX', lifeSeconds, 'NX')) === 'OK';
    } catch (cause) {
      throw new Failure('unavailable', { cause });
    }
  }
}
