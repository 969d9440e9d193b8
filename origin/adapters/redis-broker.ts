/**
 * The Broker over Redis. What one loop tick asks for travels together: publications of one partition in one script
 * call, all script calls in one pipeline; channels to subscribe in one SSUBSCRIBE for every 512. Each publication is
 * encoded by the core once and is opaque here.
 */

import type { Redis } from 'ioredis';
import { randomId } from '../../shared/bytes.ts';
import { Failure } from '../../shared/failure.ts';
import type { Tag } from '../../shared/frame.ts';
import { errorFields, type Log } from '../../shared/log.ts';
import type { Position } from '../../shared/position.ts';
import type { Accepted, Broker, BrokerListener, Outgoing, Page } from '../ports.ts';
import { RedisLink } from './redis-link.ts';
import { type Call, loadScripts, runCalls, translate } from './redis-scripts.ts';
import {
  batches,
  parseAnnouncement,
  publishCall,
  readCall,
  STREAM_SCRIPTS,
  topicOf,
  type Waiting,
  type WaitingPublish,
  type WaitingRead,
} from './redis-stream.ts';

/** Redis parses a command of 512 channels in well under a millisecond; more would hold up other clients. */
const SUBSCRIBE_BATCH = 512;
const HOUR_SECONDS = 3_600;
const SEEN_BUCKET_SECONDS = 600;
/** How much longer than its log a head lives, so that a late reader is told `trimmed` rather than a new epoch. */
const HEAD_EXTRA_SECONDS = 30 * 24 * HOUR_SECONDS;

export interface RedisBrokerOptions {
  readonly url: string;
  readonly log: Log;
  readonly now: () => number;
  readonly retentionHours: number;
  /** Bounds of one channel's log; at least 64 publications. */
  readonly maxPublications?: number;
  readonly maxBytes?: number;
}

export class RedisBroker implements Broker {
  readonly commands: RedisLink;
  readonly #subscriptions: RedisLink;
  readonly #options: RedisBrokerOptions;
  readonly #subscribed = new Map<Tag, Promise<void>>();
  #listener: BrokerListener | undefined;
  #publishes: WaitingPublish[] = [];
  #reads: WaitingRead[] = [];
  #toSubscribe: { readonly channel: Tag; readonly waiting: Waiting<void> }[] = [];
  #isScheduled = false;
  #wasInterrupted = false;

  constructor(options: RedisBrokerOptions) {
    this.#options = options;
    const { url, log } = options;
    this.commands = new RedisLink({
      url,
      log,
      name: 'commands',
      prepare: (redis) => loadScripts(redis, STREAM_SCRIPTS),
    });
    this.#subscriptions = new RedisLink({
      url,
      log,
      name: 'subscriptions',
      prepare: (redis) => this.#resubscribe(redis),
    });
    this.#subscriptions.redis.on('smessage', (topic: string, payload: string) =>
      this.#receive(topic, payload),
    );
    this.#subscriptions.redis.on('close', () => {
      this.#wasInterrupted = true;
    });
  }

  /** Resolves when both connections are ready; rejects with `unavailable` after `deadlineMs`. */
  async ready(deadlineMs: number): Promise<void> {
    await Promise.all([this.commands.ready(deadlineMs), this.#subscriptions.ready(deadlineMs)]);
  }

  listen(listener: BrokerListener): void {
    this.#listener = listener;
  }

  publish(outgoing: Outgoing): Promise<Accepted> {
    return new Promise((resolve, reject) => {
      this.#publishes.push({ outgoing, resolve, reject });
      this.#schedule();
    });
  }

  read(channel: Tag, after: Position | undefined): Promise<Page> {
    return new Promise((resolve, reject) => {
      this.#reads.push({ channel, after, resolve, reject });
      this.#schedule();
    });
  }

  subscribe(channel: Tag): Promise<void> {
    const before = this.#subscribed.get(channel);
    if (before !== undefined) return before;
    const done = new Promise<void>((resolve, reject) => {
      this.#toSubscribe.push({ channel, waiting: { resolve, reject } });
      this.#schedule();
    });
    this.#subscribed.set(channel, done);
    done.catch(() => {
      if (this.#subscribed.get(channel) === done) this.#subscribed.delete(channel);
    });
    return done;
  }

  unsubscribe(channel: Tag): void {
    if (!this.#subscribed.delete(channel)) return;
    // Failing is harmless: the connection is gone then, and with it the subscription.
    this.#subscriptions.redis
      .sunsubscribe(topicOf(channel))
      .catch((error: unknown) => this.#warn('relay.unsubscribe_failed', error));
  }

  close(): void {
    this.commands.close();
    this.#subscriptions.close();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#isScheduled = false;
    const publishes = this.#publishes;
    const reads = this.#reads;
    const subscribes = this.#toSubscribe;
    this.#publishes = [];
    this.#reads = [];
    this.#toSubscribe = [];
    if (subscribes.length > 0) void this.#subscribeAll(subscribes);
    if (publishes.length === 0 && reads.length === 0) return;
    const { runId } = this.commands;
    if (runId === undefined) {
      const away = new Failure('unavailable', { detail: 'The relay is away' });
      for (const waiting of [...publishes, ...reads]) waiting.reject(away);
      return;
    }
    const shared = this.#sharedArgs(runId);
    const calls = [...this.#publishCalls(publishes, shared), ...reads.map((read) => readCall(read, shared))];
    void runCalls(this.commands.redis, calls);
  }

  /** Run id, fresh epoch and the two expiries (unix seconds at whole hours, so that no key tells a finer time). */
  #sharedArgs(runId: string): readonly (string | number)[] {
    const nextHour = Math.ceil(this.#options.now() / 1000 / HOUR_SECONDS) * HOUR_SECONDS;
    const logExpiry = nextHour + this.#options.retentionHours * HOUR_SECONDS;
    return [runId, randomId(6), logExpiry, logExpiry + HEAD_EXTRA_SECONDS];
  }

  #publishCalls(publishes: readonly WaitingPublish[], shared: readonly (string | number)[]): Call[] {
    const bucket = Math.floor(this.#options.now() / 1000 / SEEN_BUCKET_SECONDS);
    const bounds = [
      bucket,
      this.#options.maxPublications ?? 1_000,
      this.#options.maxBytes ?? 4 * 1024 * 1024,
    ];
    return batches(publishes).map((batch) => publishCall(batch, [...shared, ...bounds]));
  }

  async #subscribeAll(
    waiting: readonly { readonly channel: Tag; readonly waiting: Waiting<void> }[],
  ): Promise<void> {
    for (let i = 0; i < waiting.length; i += SUBSCRIBE_BATCH) {
      const batch = waiting.slice(i, i + SUBSCRIBE_BATCH);
      try {
        if (this.#subscriptions.runId === undefined) throw new Error('The subscription connection is away');
        await this.#subscriptions.redis.ssubscribe(...batch.map(({ channel }) => topicOf(channel)));
        for (const item of batch) item.waiting.resolve();
      } catch (error) {
        for (const item of batch) item.waiting.reject(translate(error));
      }
    }
  }

  async #resubscribe(redis: Redis): Promise<void> {
    const topics = [...this.#subscribed.keys()].map(topicOf);
    for (let i = 0; i < topics.length; i += SUBSCRIBE_BATCH)
      await redis.ssubscribe(...topics.slice(i, i + SUBSCRIBE_BATCH));
    if (this.#wasInterrupted) this.#listener?.onInterrupted();
    this.#wasInterrupted = false;
  }

  #receive(topic: string, payload: string): void {
    const channel = topic.slice(topic.lastIndexOf(':') + 1);
    for (const publication of parseAnnouncement(payload)) this.#listener?.onPublication(channel, publication);
  }

  #warn(event: string, error: unknown): void {
    this.#options.log('warn', event, { part: 'relay', ...errorFields(error) });
  }
}
