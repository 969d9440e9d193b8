import type { Log } from '../../shared/log.ts';
import { RedisBroker } from './redis-broker.ts';
import { RedisLink } from './redis-link.ts';
import { RedisRedemptions, RedisRegistry } from './redis-registry.ts';
import { loadScripts } from './redis-scripts.ts';
import { STREAM_SCRIPTS } from './redis-stream.ts';
import { RedisTopics } from './redis-topics.ts';

export interface RelayOptions {
  readonly url: string;
  readonly log: Log;
  readonly now: () => number;
  readonly retentionHours: number;
  readonly maxPublications?: number;
  readonly maxBytes?: number;
}

/** Everything this node has in the relay Redis, over two connections: one for commands, one for announcements. */
export interface Relay {
  readonly commands: RedisLink;
  readonly broker: RedisBroker;
  readonly registry: RedisRegistry;
  readonly redemptions: RedisRedemptions;
  close(): void;
}

/** Connects to the relay; rejects with `unavailable` when it does not answer within `deadlineMs`. */
export async function openRelay(options: RelayOptions, deadlineMs: number): Promise<Relay> {
  const { url, log } = options;
  const commands = new RedisLink({
    url,
    log,
    name: 'commands',
    prepare: (redis) => loadScripts(redis, STREAM_SCRIPTS),
  });
  const topics = new RedisTopics({ url, log });
  const close = () => {
    commands.close();
    topics.close();
  };
  try {
    await Promise.all([commands.ready(deadlineMs), topics.ready(deadlineMs)]);
  } catch (error) {
    close();
    throw error;
  }
  return {
    commands,
    broker: new RedisBroker({ ...options, commands, topics }),
    registry: new RedisRegistry(commands),
    redemptions: new RedisRedemptions(commands),
    close,
  };
}
