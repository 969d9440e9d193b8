/**
 * Shows that announcements arrive. A subscription can be dead while its connection is open and answers: a server that
 * dropped it, a middlebox that lost one direction. So every few seconds something is announced by a script, as a
 * publication is, on each connection in turn for each of its partitions, and a connection that was owed an announcement
 * for longer than the bound is replaced; its topics are subscribed again then, and positions checked.
 *
 * An announcement that the relay did not accept proves nothing, and is not waited for.
 */
import { randomId } from '../../shared/bytes.ts';
import { isFailure } from '../../shared/failure.ts';
import type { Tag } from '../../shared/frame.ts';
import type { Log } from '../../shared/log.ts';
import { PARTITION_TAGS, partitionKey, partitionOf, relayKey, tagIn } from './partitions.ts';
import type { RedisCommands } from './redis-commands.ts';
import type { RedisLink } from './redis-link.ts';
import { loadScript } from './redis-scripts.ts';
import type { RedisTopics } from './redis-topics.ts';

const KIND = 'probe';
const PROBE = loadScript('life', 'probe');
/** The scripts a connection must know before it carries calls of this file. */
export const PROBE_SCRIPTS = [PROBE];

export interface ProbeTimes {
  /** Default 2,000. */
  readonly intervalMs: number;
  /** How long a connection may owe an announcement; default 6,000: long after every announcement on a busy machine. */
  readonly boundMs: number;
}
export const PROBE_TIMES: ProbeTimes = Object.freeze({ intervalMs: 2_000, boundMs: 6_000 });

export interface ProbeOptions {
  /** Prepared with PROBE_SCRIPTS. */
  readonly commands: RedisCommands;
  readonly topics: RedisTopics;
  readonly times: ProbeTimes;
  readonly log: Log;
}

interface Owed {
  readonly partition: number;
  readonly askedMs: number;
  /** When the relay took it; undefined before. */
  sinceMs: number | undefined;
}

export class RedisProbe {
  readonly #options: ProbeOptions;
  /** One topic in each partition, this node's own. */
  readonly #tags = PARTITION_TAGS.map((_, partition) => tagIn(partition, randomId().slice(1)));
  readonly #owed = new Map<RedisLink, Owed>();
  readonly #heardMs = new Map<RedisLink, number>();
  readonly #timer: ReturnType<typeof setInterval>;
  #round = 0;
  #replaced = 0;
  #lagMs = 0;

  constructor(options: ProbeOptions) {
    this.#options = options;
    options.topics.listen(KIND, {
      onAnnouncement: (tag) => this.#hear(partitionOf(tag)),
      onInterrupted: () => undefined,
    });
    this.#subscribeAll();
    this.#timer = setInterval(() => this.#run(), options.times.intervalMs);
  }

  /** How many connections were replaced because they had fallen silent. */
  get replaced(): number {
    return this.#replaced;
  }

  /** Milliseconds since the connection that was silent for longest heard something; 0 before the first round. */
  get ageMs(): number {
    const now = performance.now();
    return Math.max(0, ...[...this.#heardMs.values()].map((heardMs) => now - heardMs));
  }

  /** Milliseconds the last announcement took, from the asking to its arrival here; 0 before the first. */
  get lagMs(): number {
    return this.#lagMs;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #run(): void {
    const links = new Set(this.#options.topics.links);
    for (const link of this.#heardMs.keys()) if (!links.has(link)) this.#forget(link);
    this.#subscribeAll();
    for (const link of links) this.#check(link);
    this.#round += 1;
  }

  /** From the start, and long before each is probed: a topic subscribed for its probe would always be heard. */
  #subscribeAll(): void {
    for (const partition of this.#options.topics.partitions) {
      const tag = this.#tags[partition];
      if (tag !== undefined) void this.#subscribe(tag);
    }
  }

  /** Whether the topic is subscribed, as far as the relay said; asking again costs nothing. */
  async #subscribe(tag: Tag): Promise<boolean> {
    try {
      await this.#options.topics.subscribe(KIND, tag);
      return true;
    } catch (error) {
      if (!isFailure(error, 'unavailable')) throw error;
      return false;
    }
  }

  #check(link: RedisLink): void {
    const now = performance.now();
    if (!this.#heardMs.has(link)) this.#heardMs.set(link, now);
    // One that is away is being replaced already, and owes nothing.
    if (link.runId === undefined) return void this.#owed.delete(link);
    const owed = this.#owed.get(link);
    if (owed === undefined) return void this.#send(link);
    if (owed.sinceMs === undefined || now - owed.sinceMs < this.#options.times.boundMs) return;
    this.#owed.delete(link);
    this.#replaced += 1;
    this.#options.log('warn', 'relay.silent', { part: 'relay' });
    link.renew();
  }

  async #send(link: RedisLink): Promise<void> {
    const held = this.#options.topics.partitionsOf(link);
    const partition = held[this.#round % held.length];
    const tag = this.#tags[partition ?? -1];
    if (partition === undefined || tag === undefined) return;
    const owed: Owed = { partition, askedMs: performance.now(), sinceMs: undefined };
    this.#owed.set(link, owed);
    if ((await this.#subscribe(tag)) && (await this.#announce(partition, tag)))
      owed.sinceMs = performance.now();
    else if (this.#owed.get(link) === owed) this.#owed.delete(link);
  }

  /** False when the relay did not take it. */
  async #announce(partition: number, tag: Tag): Promise<boolean> {
    const keys = [partitionKey('life', partition), relayKey(KIND, tag)];
    try {
      await this.#options.commands.run(PROBE, { partition, keys, args: [randomId(6)] });
      return true;
    } catch (error) {
      if (!isFailure(error, 'unavailable')) throw error;
      return false;
    }
  }

  #hear(partition: number): void {
    for (const [link, owed] of this.#owed) {
      if (owed.partition !== partition) continue;
      this.#owed.delete(link);
      const now = performance.now();
      this.#heardMs.set(link, now);
      this.#lagMs = now - owed.askedMs;
    }
  }

  #forget(link: RedisLink): void {
    this.#heardMs.delete(link);
    this.#owed.delete(link);
  }
}
