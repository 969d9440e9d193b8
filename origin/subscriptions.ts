import { Failure } from '../shared/failure.ts';
import type { Tag } from '../shared/frame.ts';
import type { Position } from '../shared/position.ts';
import type { Feed } from './feed.ts';
import type { Hub } from './hub.ts';
import type { NodeLimits } from './limits.ts';
import type { Broker, Socket } from './ports.ts';
import { recover } from './recovery.ts';

export interface SubscriptionPorts {
  readonly hub: Hub;
  readonly broker: Broker;
  readonly limits: Pick<NodeLimits, 'channelsPerConnection'>;
  readonly onReplayed: (publications: number) => void;
  readonly onGap: () => void;
}

/** One subscription's life; a new object for each, so that an old recovery notices that it is not meant any more. */
interface Subscription {
  feed: Feed | undefined;
}

/** The channels one connection reads. */
export class Subscriptions {
  readonly #socket: Socket;
  readonly #ports: SubscriptionPorts;
  readonly #held = new Map<Tag, Subscription>();

  constructor(socket: Socket, ports: SubscriptionPorts) {
    this.#socket = socket;
    this.#ports = ports;
  }

  has(channel: Tag): boolean {
    return this.#held.has(channel);
  }

  get size(): number {
    return this.#held.size;
  }

  /**
   * Replays what follows `after` and joins the live stream; resolves to the position joined at. Throws `conflict` when
   * the connection reads this channel already, `channel_limit`, or `unavailable` (and then it does not read it).
   */
  async add(channel: Tag, after: Position | undefined): Promise<Position> {
    if (this.#held.has(channel)) throw new Failure('conflict', { detail: 'Already subscribed' });
    if (this.#held.size >= this.#ports.limits.channelsPerConnection) throw new Failure('channel_limit');
    const subscription: Subscription = { feed: undefined };
    this.#held.set(channel, subscription);
    try {
      const position = await this.#recover(channel, subscription, after);
      if (position === undefined) throw new Failure('not_subscribed', { detail: 'Unsubscribed meanwhile' });
      return position;
    } catch (error) {
      if (this.#held.get(channel) === subscription) this.remove(channel);
      throw error;
    }
  }

  /** Leaves a channel; false when the connection did not read it. */
  remove(channel: Tag): boolean {
    const subscription = this.#held.get(channel);
    if (subscription === undefined) return false;
    this.#held.delete(channel);
    this.#socket.leave(channel);
    if (subscription.feed !== undefined) this.#ports.hub.release(subscription.feed);
    return true;
  }

  removeAll(): void {
    for (const channel of [...this.#held.keys()]) this.remove(channel);
  }

  async #recover(channel: Tag, subscription: Subscription, after: Position | undefined) {
    const { hub, broker, onReplayed, onGap } = this.#ports;
    const isWanted = () => this.#held.get(channel) === subscription;
    const feed = await hub.open(channel);
    if (!isWanted()) {
      hub.release(feed);
      return undefined;
    }
    subscription.feed = feed;
    return recover({ broker, socket: this.#socket, feed, isWanted, onReplayed, onGap }, after);
  }
}
