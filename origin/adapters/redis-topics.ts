/**
 * Announcements over sharded pub/sub on a connection of its own. Topics wanted in one loop tick go out together, 512 to
 * a command; after a reconnect all of them are subscribed again in such batches (the driver would send one command for
 * each), and everybody is told that announcements may have been missed.
 */
import type { Redis } from 'ioredis';
import type { Tag } from '../../shared/frame.ts';
import { errorFields, type Log } from '../../shared/log.ts';
import { relayKey } from './partitions.ts';
import { RedisLink } from './redis-link.ts';
import { translate } from './redis-scripts.ts';

/** Redis parses a command of 512 channels in well under a millisecond; more would hold up other clients. */
const SUBSCRIBE_BATCH = 512;

export interface TopicListener {
  onAnnouncement(tag: Tag, payload: string): void;
  /** Announcements may have been missed on every topic of this kind. */
  onInterrupted(): void;
}

interface Wanted {
  readonly topic: string;
  resolve(): void;
  reject(error: unknown): void;
}

export class RedisTopics {
  readonly #link: RedisLink;
  readonly #log: Log;
  readonly #subscribed = new Map<string, Promise<void>>();
  readonly #listeners = new Map<string, TopicListener>();
  #wanted: Wanted[] = [];
  #wasInterrupted = false;

  constructor({ url, log }: { readonly url: string; readonly log: Log }) {
    this.#log = log;
    this.#link = new RedisLink({ url, log, name: 'subscriptions', prepare: (redis) => this.#resume(redis) });
    this.#link.redis.on('smessage', (topic: string, payload: string) => this.#dispatch(topic, payload));
    this.#link.redis.on('close', () => {
      this.#wasInterrupted = true;
    });
  }

  /** Resolves when the connection is ready; rejects with `unavailable` after `deadlineMs`. */
  ready(deadlineMs: number): Promise<void> {
    return this.#link.ready(deadlineMs);
  }

  /** One listener for each kind of topic; set before the first subscription of that kind. */
  listen(kind: string, listener: TopicListener): void {
    this.#listeners.set(kind, listener);
  }

  /** Resolves once every later announcement will arrive. Throws `unavailable`. */
  subscribe(kind: string, tag: Tag): Promise<void> {
    const topic = relayKey(kind, tag);
    const before = this.#subscribed.get(topic);
    if (before !== undefined) return before;
    const done = new Promise<void>((resolve, reject) => {
      if (this.#wanted.length === 0) setImmediate(() => void this.#flush());
      this.#wanted.push({ topic, resolve, reject });
    });
    this.#subscribed.set(topic, done);
    done.catch(() => {
      if (this.#subscribed.get(topic) === done) this.#subscribed.delete(topic);
    });
    return done;
  }

  unsubscribe(kind: string, tag: Tag): void {
    const topic = relayKey(kind, tag);
    if (!this.#subscribed.delete(topic)) return;
    // Failing is harmless: the connection is gone then, and with it the subscription.
    this.#link.redis.sunsubscribe(topic).catch((error: unknown) => {
      this.#log('warn', 'relay.unsubscribe_failed', { part: 'relay', ...errorFields(error) });
    });
  }

  close(): void {
    this.#link.close();
  }

  async #flush(): Promise<void> {
    const wanted = this.#wanted;
    this.#wanted = [];
    for (let i = 0; i < wanted.length; i += SUBSCRIBE_BATCH) {
      const batch = wanted.slice(i, i + SUBSCRIBE_BATCH);
      try {
        if (this.#link.runId === undefined) throw new Error('The subscription connection is away');
        await this.#link.redis.ssubscribe(...batch.map(({ topic }) => topic));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(translate(error));
      }
    }
  }

  async #resume(redis: Redis): Promise<void> {
    const topics = [...this.#subscribed.keys()];
    for (let i = 0; i < topics.length; i += SUBSCRIBE_BATCH)
      await redis.ssubscribe(...topics.slice(i, i + SUBSCRIBE_BATCH));
    if (this.#wasInterrupted) for (const listener of this.#listeners.values()) listener.onInterrupted();
    this.#wasInterrupted = false;
  }

  /** A topic reads `hw1:<kind>:{<hash tag>}:<tag>`. */
  #dispatch(topic: string, payload: string): void {
    const [, kind = '', , tag = ''] = topic.split(':');
    this.#listeners.get(kind)?.onAnnouncement(tag, payload);
  }
}
