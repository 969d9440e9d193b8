/**
 * Announcements over sharded pub/sub, on connections of their own: one to each server of the relay, or, for those of one
 * partition alone, one to its server. Topics wanted in one
 * loop tick go out together, 512 of one partition to a command. After a reconnect, or when a partition has moved to
 * another server, its topics are subscribed again in such batches (the driver would send one command for each), and
 * everybody is told that announcements may have been missed.
 */
import type { Tag } from '../../shared/frame.ts';
import { errorFields, type Log } from '../../shared/log.ts';
import { PARTITION_TAGS, partitionOf, relayKey } from './partitions.ts';
import { type LinkOptions, RedisLink } from './redis-link.ts';
import { translate } from './redis-scripts.ts';
import { RedisShards } from './redis-shards.ts';
import type { RedisTopology } from './redis-topology.ts';

/** Redis parses a command of 512 channels in well under a millisecond; more would hold up other clients. */
const SUBSCRIBE_BATCH = 512;

export interface TopicListener {
  onAnnouncement(tag: Tag, payload: string): void;
  /** Announcements may have been missed on every topic of this kind. */
  onInterrupted(): void;
}

interface Wanted {
  readonly topic: string;
  readonly partition: number;
  resolve(): void;
  reject(error: unknown): void;
}
interface Subscribed {
  readonly partition: number;
  readonly done: Promise<void>;
}

export interface TopicsOptions {
  readonly topology: RedisTopology;
  readonly log: Log;
  /** What the connections are called at the server. */
  readonly name: LinkOptions['name'];
  /** The only partition whose topics are wanted. */
  readonly only?: number | undefined;
}

export class RedisTopics {
  /** Those whose topics may be wanted. */
  readonly partitions: readonly number[];
  readonly #name: LinkOptions['name'];
  readonly #shards: RedisShards;
  readonly #log: Log;
  readonly #subscribed = new Map<string, Subscribed>();
  readonly #listeners = new Map<string, TopicListener>();
  #wanted: Wanted[] = [];
  /** Counts changes of the topology. */
  #moves = 0;

  constructor({ topology, log, name, only }: TopicsOptions) {
    this.#log = log;
    this.#name = name;
    this.partitions = only === undefined ? [...PARTITION_TAGS.keys()] : [only];
    this.#shards = new RedisShards({ topology, only, open: (url, onClosed) => this.#open(url, onClosed) });
    this.#shards.onMoved((partitions) => this.#follow(partitions));
  }

  /** Resolves when every connection is ready; rejects with `unavailable` after `deadlineMs`. */
  ready(deadlineMs: number): Promise<void> {
    return this.#shards.ready(deadlineMs);
  }

  /** One listener for each kind of topic; set before the first subscription of that kind. */
  listen(kind: string, listener: TopicListener): void {
    this.#listeners.set(kind, listener);
  }

  /** Resolves once every later announcement will arrive. Throws `unavailable`. */
  subscribe(kind: string, tag: Tag): Promise<void> {
    const topic = relayKey(kind, tag);
    const before = this.#subscribed.get(topic);
    if (before !== undefined) return before.done;
    const partition = partitionOf(tag);
    const done = new Promise<void>((resolve, reject) => {
      if (this.#wanted.length === 0) setImmediate(() => this.#flush());
      this.#wanted.push({ topic, partition, resolve, reject });
    });
    this.#subscribed.set(topic, { partition, done });
    done.catch(() => {
      if (this.#subscribed.get(topic)?.done === done) this.#subscribed.delete(topic);
    });
    return done;
  }

  unsubscribe(kind: string, tag: Tag): void {
    const topic = relayKey(kind, tag);
    if (!this.#subscribed.delete(topic)) return;
    // Failing is harmless: the connection is gone then, and with it the subscription.
    this.#shards
      .of(partitionOf(tag))
      ?.redis.sunsubscribe(topic)
      .catch((error: unknown) => this.#warn('relay.unsubscribe_failed', error));
  }

  /** One connection for each server; they come and go with the topology. */
  get links(): Iterable<RedisLink> {
    return this.#shards.links;
  }

  partitionsOf(link: RedisLink): readonly number[] {
    return this.#shards.partitionsOf(link);
  }

  close(): void {
    this.#shards.close();
  }

  #flush(): void {
    for (const batch of batchesOf(this.#wanted.splice(0))) void this.#subscribe(batch);
  }

  async #subscribe(batch: readonly Wanted[]): Promise<void> {
    try {
      const link = this.#shards.of(batch[0]?.partition ?? 0);
      if (link?.runId === undefined) throw new Error('The subscription connection is away');
      await link.redis.ssubscribe(...batch.map(({ topic }) => topic));
      for (const { resolve } of batch) resolve();
    } catch (error) {
      void this.#shards.refresh();
      for (const { reject } of batch) reject(translate(error));
    }
  }

  #open(url: string, onClosed: () => void): RedisLink {
    let isFirst = true;
    const link = new RedisLink({
      url,
      log: this.#log,
      name: this.#name,
      onClosed,
      prepare: async (self) => {
        const topics = await this.#restoreAll(self);
        if (topics > 0 || !isFirst) this.#interrupt();
        isFirst = false;
      },
    });
    link.redis.on('smessage', (topic: string, payload: string) => this.#dispatch(topic, payload));
    // The server ends subscriptions of a slot that it gives away.
    link.redis.on('moved', () => void this.#shards.refresh());
    return link;
  }

  /** Partitions with another server now; a connection that is not ready yet subscribes to all it holds by itself. */
  #follow(partitions: readonly number[]): void {
    this.#moves += 1;
    const byLink = new Map<RedisLink, Set<number>>();
    for (const partition of partitions) {
      const link = this.#shards.of(partition);
      if (link?.runId === undefined) continue;
      byLink.set(link, (byLink.get(link) ?? new Set()).add(partition));
    }
    for (const [link, moved] of byLink) void this.#take(link, moved);
  }

  async #take(link: RedisLink, moved: ReadonlySet<number>): Promise<void> {
    try {
      if ((await this.#restore(link, (partition) => moved.has(partition))) > 0) this.#interrupt();
    } catch (error) {
      this.#warn('relay.take_over_failed', error);
      link.renew();
    }
  }

  /** Subscribes to all that this server holds, and again when that changed meanwhile. */
  async #restoreAll(link: RedisLink): Promise<number> {
    for (;;) {
      const moves = this.#moves;
      const topics = await this.#restore(link, (partition) => this.#shards.of(partition) === link);
      if (moves === this.#moves) return topics;
    }
  }

  /** Subscribes again to what is wanted of these partitions; resolves to how many topics that are. */
  async #restore(link: RedisLink, isHeld: (partition: number) => boolean): Promise<number> {
    const topics = [...this.#subscribed].map(([topic, { partition }]) => ({ topic, partition }));
    const held = topics.filter(({ partition }) => isHeld(partition));
    for (const batch of batchesOf(held)) await link.redis.ssubscribe(...batch.map(({ topic }) => topic));
    return held.length;
  }

  #interrupt(): void {
    for (const listener of this.#listeners.values()) listener.onInterrupted();
  }

  /** A topic reads `hw1:<kind>:{<hash tag>}:<tag>`. */
  #dispatch(topic: string, payload: string): void {
    const [, kind = '', , tag = ''] = topic.split(':');
    this.#listeners.get(kind)?.onAnnouncement(tag, payload);
  }

  #warn(event: string, error: unknown): void {
    this.#log('warn', event, { part: 'relay', ...errorFields(error) });
  }
}

/** All topics of one command must lie in one slot, so in one partition. */
function batchesOf<T extends { readonly partition: number }>(topics: readonly T[]): T[][] {
  const open = new Map<number, T[]>();
  const out: T[][] = [];
  for (const topic of topics) {
    let batch = open.get(topic.partition);
    if (batch === undefined || batch.length >= SUBSCRIBE_BATCH) {
      batch = [];
      open.set(topic.partition, batch);
      out.push(batch);
    }
    batch.push(topic);
  }
  return out;
}
