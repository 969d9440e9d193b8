import { encodeEphemeral } from '../shared/codec.ts';
import type { Tag } from '../shared/frame.ts';
import { Feed, type FeedPorts } from './feed.ts';
import type { BrokerListener } from './ports.ts';

/** How many connections want a feed, and when the relay brings it. */
interface Entry {
  readonly feed: Feed;
  readonly ready: Promise<void>;
  readers: number;
}

/**
 * Which channels this node wants from the relay: those that a connection of its own reads, and no other. A channel
 * costs one subscription however many connections read it.
 */
export class Hub implements BrokerListener {
  readonly #ports: FeedPorts;
  readonly #entries = new Map<Tag, Entry>();

  constructor(ports: FeedPorts) {
    this.#ports = ports;
    ports.broker.listen(this);
  }

  get channels(): number {
    return this.#entries.size;
  }

  /**
   * Registers one reader; every `open` needs one `release`. Resolves to the feed once the relay brings every later
   * announcement. Throws `unavailable`, and then nothing is registered.
   */
  async open(channel: Tag): Promise<Feed> {
    const entry = this.#entries.get(channel) ?? this.#create(channel);
    entry.readers += 1;
    try {
      await entry.ready;
    } catch (error) {
      this.#leave(channel, entry);
      throw error;
    }
    return entry.feed;
  }

  release(feed: Feed): void {
    const entry = this.#entries.get(feed.channel);
    if (entry?.feed === feed) this.#leave(feed.channel, entry);
  }

  onPublication(...[channel, publication]: Parameters<BrokerListener['onPublication']>): void {
    this.#entries.get(channel)?.feed.receive(publication);
  }

  /** Straight to the fan-out: there is no order to keep and nothing to repair. */
  onEphemeral(channel: Tag, body: string): void {
    if (this.#entries.has(channel)) this.#ports.fanOut(channel, encodeEphemeral(body));
  }

  onInterrupted(): void {
    for (const { feed } of this.#entries.values()) void feed.repair();
  }

  #create(channel: Tag): Entry {
    const feed = new Feed(channel, this.#ports);
    const entry = { feed, ready: this.#ports.broker.subscribe(channel), readers: 0 };
    this.#entries.set(channel, entry);
    return entry;
  }

  #leave(channel: Tag, entry: Entry): void {
    entry.readers -= 1;
    if (entry.readers > 0 || this.#entries.get(channel) !== entry) return;
    this.#entries.delete(channel);
    entry.feed.close();
    this.#ports.broker.unsubscribe(channel);
  }
}
