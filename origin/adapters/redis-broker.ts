/**
 * The Broker over Redis. What one loop tick asks for travels together: publications of one partition in one script
 * call, all script calls in one pipeline; channels to subscribe in one SSUBSCRIBE for every 512. Each publication is
 * encoded by the core once and is opaque here.
 */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ChainableCommander, Redis } from 'ioredis';
import { randomId } from '../../shared/bytes.ts';
import { Failure } from '../../shared/failure.ts';
import type { GapReason, Tag } from '../../shared/frame.ts';
import { errorFields, type Log } from '../../shared/log.ts';
import type { Position } from '../../shared/position.ts';
import type { Accepted, Broker, BrokerListener, LoggedPublication, Outgoing, Page } from '../ports.ts';
import { partitionOf, relayKey } from './partitions.ts';
import { RedisLink } from './redis-link.ts';

/** Redis parses a command of 512 channels in well under a millisecond; more would hold up other clients. */
const SUBSCRIBE_BATCH = 512;
/** Messages in one script call; bounds how long one call may hold Redis. */
const SCRIPT_BATCH = 64;
const HOUR_SECONDS = 3_600;
const SEEN_BUCKET_SECONDS = 600;
/** How much longer than its log a head lives, so that a late reader is told `trimmed` rather than a new epoch. */
const HEAD_EXTRA_SECONDS = 30 * 24 * HOUR_SECONDS;
const PAGE_PUBLICATIONS = 256;
const PAGE_BYTES = 256 * 1024;

export interface RedisBrokerOptions {
  readonly url: string;
  readonly log: Log;
  readonly now: () => number;
  readonly retentionHours: number;
  /** Bounds of one channel's log; at least 64 publications. */
  readonly maxPublications?: number;
  readonly maxBytes?: number;
}

interface Waiting<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}
interface WaitingPublish extends Waiting<Accepted> {
  readonly outgoing: Outgoing;
}
interface WaitingRead extends Waiting<Page> {
  readonly channel: Tag;
  readonly after: Position | undefined;
}
interface Call {
  readonly script: Script;
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
  settle(error: unknown, reply: unknown): void;
}
interface Script {
  readonly source: string;
  readonly sha: string;
}

const PUBLISH = loadScript('publish.lua');
const READ = loadScript('read.lua');

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
    this.commands = new RedisLink({ url, log, name: 'commands', prepare: loadScripts });
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
    void this.#run(calls);
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

  async #run(calls: readonly Call[]): Promise<void> {
    const missing = await this.#runOnce(calls);
    if (missing.length === 0) return;
    // Somebody flushed the server's script cache: load again and repeat once what was not executed.
    try {
      await loadScripts(this.commands.redis);
    } catch (error) {
      for (const call of missing) call.settle(error, undefined);
      return;
    }
    for (const call of await this.#runOnce(missing)) call.settle(new Error('NOSCRIPT twice'), undefined);
  }

  /** Settles what was executed; returns the calls that the server refused for want of the script. */
  async #runOnce(calls: readonly Call[]): Promise<Call[]> {
    const pipeline: ChainableCommander = this.commands.redis.pipeline();
    for (const { script, keys, args } of calls) pipeline.evalsha(script.sha, keys.length, ...keys, ...args);
    const missing: Call[] = [];
    try {
      const replies = (await pipeline.exec()) ?? [];
      calls.forEach((call, index) => {
        const [error, reply] = replies[index] ?? [new Error('No reply'), undefined];
        if (error?.message.startsWith('NOSCRIPT')) missing.push(call);
        else call.settle(error, reply);
      });
    } catch (error) {
      for (const call of calls) call.settle(error, undefined);
    }
    return missing;
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

/** Groups publications by partition, at most SCRIPT_BATCH in a call, keeping their order within a channel. */
function batches(publishes: readonly WaitingPublish[]): WaitingPublish[][] {
  const open = new Map<number, WaitingPublish[]>();
  const out: WaitingPublish[][] = [];
  for (const publish of publishes) {
    const partition = partitionOf(publish.outgoing.channel);
    let batch = open.get(partition);
    if (batch === undefined || batch.length >= SCRIPT_BATCH) {
      batch = [];
      open.set(partition, batch);
      out.push(batch);
    }
    batch.push(publish);
  }
  return out;
}

function publishCall(batch: readonly WaitingPublish[], shared: readonly (string | number)[]): Call {
  const indexes = new Map<Tag, number>();
  const keys: string[] = [];
  const args: (string | number)[] = [...shared];
  for (const { outgoing } of batch) {
    let index = indexes.get(outgoing.channel);
    if (index === undefined) {
      index = indexes.size + 1;
      indexes.set(outgoing.channel, index);
      keys.push(...streamKeys(outgoing.channel), topicOf(outgoing.channel));
    }
    args.push(index, outgoing.id, outgoing.body);
  }
  return {
    script: PUBLISH,
    keys,
    args,
    settle: (error, reply) => {
      batch.forEach((waiting, i) => {
        if (error) return waiting.reject(translate(error));
        const [epoch, offset, duplicate] = (reply as (string | number)[]).slice(i * 3, i * 3 + 3);
        const position = { epoch: String(epoch), offset: Number(offset) };
        waiting.resolve({ position, isDuplicate: duplicate === 1 });
      });
    },
  };
}

function readCall(
  { channel, after, resolve, reject }: WaitingRead,
  shared: readonly (string | number)[],
): Call {
  return {
    script: READ,
    keys: streamKeys(channel),
    args: [...shared, after?.epoch ?? '', after?.offset ?? 0, PAGE_PUBLICATIONS, PAGE_BYTES],
    settle: (error, reply) => {
      if (error) return reject(translate(error));
      const [epoch, head, gap, before, ...bodies] = reply as [string, number, string, number, ...string[]];
      const publications = bodies.map((body, i) => ({ position: { epoch, offset: before + i + 1 }, body }));
      const page = { head: { epoch, offset: head }, start: { epoch, offset: before }, publications };
      resolve(gap === '' ? page : { ...page, gap: gap as GapReason });
    },
  };
}

function* parseAnnouncement(payload: string): Generator<LoggedPublication> {
  const [head = '', ...bodies] = payload.split('\n');
  const space = head.indexOf(' ');
  const epoch = head.slice(0, space);
  let offset = Number(head.slice(space + 1));
  for (const body of bodies) {
    yield { position: { epoch, offset }, body };
    offset += 1;
  }
}

function streamKeys(channel: Tag): string[] {
  return ['head', 'log', 'seen', 'seenold'].map((kind) => relayKey(kind, channel));
}

function topicOf(channel: Tag): string {
  return relayKey('pub', channel);
}

/** Every fault of the relay is `unavailable` to a client: what happened to the command is unknown, a retry is safe. */
function translate(error: unknown): Failure {
  return error instanceof Failure ? error : new Failure('unavailable', { cause: error });
}

function loadScript(name: string): Script {
  const read = (file: string) => readFileSync(new URL(`./lua/${file}`, import.meta.url), 'utf8');
  const source = `${read('stream.lua')}\n${read(name)}`;
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}

async function loadScripts(redis: Redis): Promise<void> {
  for (const { source } of [PUBLISH, READ]) await redis.script('LOAD', source);
}
