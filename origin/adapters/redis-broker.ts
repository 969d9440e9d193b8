/**
 * The Broker over Redis. What one loop tick asks for travels together: publications of one partition in one script
 * call, all script calls to one server in one pipeline. Each publication is encoded by the core once and is opaque here.
 */
import type { Tag } from '../../shared/frame.ts';
import type { Position } from '../../shared/position.ts';
import type { Accepted, Broker, BrokerListener, Outgoing, Page } from '../ports.ts';
import { FreshEpochs } from './fresh-epoch.ts';
import { partitionOf, relayKey } from './partitions.ts';
import type { RedisCommands } from './redis-commands.ts';
import type { Argument, Call } from './redis-scripts.ts';
import {
  batches,
  publishCall,
  readCall,
  receiveAnnouncement,
  streamKeys,
  TOPIC_KIND,
  type WaitingPublish,
  type WaitingRead,
} from './redis-stream.ts';
import type { RedisTopics } from './redis-topics.ts';

const HOUR_SECONDS = 3_600;
const SEEN_BUCKET_SECONDS = 600;
/** Into how many parts of one age a log is divided; what is oldest goes a part at a time. */
const AGE_MARKS = 8;
/** How much longer than its log a head lives, so that a late reader is told `trimmed` rather than a new epoch. */
const HEAD_EXTRA_SECONDS = 30 * 24 * HOUR_SECONDS;

export interface RedisBrokerOptions {
  /** Prepared with STREAM_SCRIPTS. */
  readonly commands: RedisCommands;
  readonly topics: RedisTopics;
  readonly now: () => number;
  readonly retentionHours: number;
  /** Bounds of one channel's log; at least 64 publications. */
  readonly maxPublications?: number;
  readonly maxBytes?: number;
}

export class RedisBroker implements Broker {
  readonly #options: RedisBrokerOptions;
  readonly #epochs: FreshEpochs;
  #publishes: WaitingPublish[] = [];
  #reads: WaitingRead[] = [];

  constructor(options: RedisBrokerOptions) {
    this.#options = options;
    this.#epochs = new FreshEpochs(options.now);
    options.commands.addSource(() => this.#takeCalls());
  }

  listen(listener: BrokerListener): void {
    this.#options.topics.listen(TOPIC_KIND, {
      onAnnouncement: (channel, payload) => {
        receiveAnnouncement(channel, payload, listener);
      },
      onInterrupted: () => listener.onInterrupted(),
    });
  }

  publish(outgoing: Outgoing): Promise<Accepted> {
    return new Promise((resolve, reject) => {
      this.#publishes.push({ outgoing, resolve, reject });
      this.#options.commands.schedule();
    });
  }

  async announce(channel: Tag, body: string): Promise<void> {
    const { commands } = this.#options;
    await commands.ask(partitionOf(channel), 'SPUBLISH', relayKey(TOPIC_KIND, channel), `\n${body}`);
  }

  read(channel: Tag, after: Position | undefined): Promise<Page> {
    return new Promise((resolve, reject) => {
      this.#reads.push({ channel, after, resolve, reject });
      this.#options.commands.schedule();
    });
  }

  async forget(channel: Tag): Promise<void> {
    await this.#options.commands.ask(partitionOf(channel), 'UNLINK', ...streamKeys(channel));
  }

  subscribe(channel: Tag): Promise<void> {
    return this.#options.topics.subscribe(TOPIC_KIND, channel);
  }

  unsubscribe(channel: Tag): void {
    this.#options.topics.unsubscribe(TOPIC_KIND, channel);
  }

  #takeCalls(): Call[] {
    const publishes = this.#publishes;
    const reads = this.#reads;
    if (publishes.length + reads.length === 0) return [];
    this.#publishes = [];
    this.#reads = [];
    const shared = this.#sharedArgs();
    return [...this.#publishCalls(publishes, shared), ...reads.map((read) => readCall(read, shared))];
  }

  /** Fresh epoch, expiries, this hour and the mark of age (unix seconds at whole hours: no key tells a finer time). */
  #sharedArgs(): readonly Argument[] {
    const { now, retentionHours } = this.#options;
    const nextHour = Math.ceil(now() / 1000 / HOUR_SECONDS) * HOUR_SECONDS;
    const logExpiry = nextHour + retentionHours * HOUR_SECONDS;
    const step = Math.ceil(retentionHours / AGE_MARKS) * HOUR_SECONDS;
    const mark = Math.ceil(logExpiry / step) * step;
    return [this.#epochs.next(), logExpiry, logExpiry + HEAD_EXTRA_SECONDS, nextHour - HOUR_SECONDS, mark];
  }

  #publishCalls(publishes: readonly WaitingPublish[], shared: readonly Argument[]): Call[] {
    const { now, maxPublications = 1_000, maxBytes = 4 * 1024 * 1024 } = this.#options;
    const bucket = Math.floor(now() / 1000 / SEEN_BUCKET_SECONDS);
    return batches(publishes).map((batch) =>
      publishCall(batch, [...shared, bucket, maxPublications, maxBytes]),
    );
  }
}
