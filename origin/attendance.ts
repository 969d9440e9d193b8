import type { PresenceFrame, Tag } from '../shared/frame.ts';
import type { Socket } from './ports.ts';
import type { Roster } from './roster.ts';
import type { Rosters } from './rosters.ts';

/** What a connection wants of the presence of one channel. */
export interface Wish {
  /** To be shown as present. */
  readonly show: boolean;
  /** To be told who is present. */
  readonly watch: boolean;
}

export interface AttendanceParts {
  readonly rosters: Rosters;
  readonly socket: Socket;
  readonly connection: { send(frame: PresenceFrame): void };
}

interface Held {
  readonly roster: Roster;
  readonly member: Tag;
  isShown: boolean;
  isWatching: boolean;
}

/** The channels in which one connection is present, or watches who is. */
export class Attendances {
  readonly #parts: AttendanceParts;
  /** Made when the first one comes: an empty map costs every idle connection some 200 bytes. */
  #held: Map<Tag, Held> | undefined;

  constructor(parts: AttendanceParts) {
    this.#parts = parts;
  }

  /**
   * Brings one channel to what is wanted; whoever watches is sent the whole view, before any change of it. Throws
   * `unavailable` or `too_many_requests`, and then the connection neither shows itself nor watches there.
   */
  async set(channel: Tag, member: Tag, { show, watch }: Wish): Promise<void> {
    if (!show && !watch) return this.remove(channel);
    const held = this.#hold(channel, member);
    if (!watch) this.#unwatch(held);
    if (!show) this.#hide(held);
    try {
      await Promise.all([show && this.#show(held), watch && this.#watch(held)]);
    } catch (error) {
      if (this.#held?.get(channel) === held) this.remove(channel);
      throw error;
    }
  }

  remove(channel: Tag): void {
    const held = this.#held?.get(channel);
    if (held === undefined) return;
    this.#held?.delete(channel);
    this.#unwatch(held);
    this.#hide(held);
    this.#parts.rosters.release(held.roster);
  }

  removeAll(): void {
    for (const channel of [...(this.#held?.keys() ?? [])]) this.remove(channel);
  }

  /** A new grant may know the member by another tag: whoever was shown by the old one is gone. */
  #hold(channel: Tag, member: Tag): Held {
    this.#held ??= new Map();
    const before = this.#held.get(channel);
    if (before?.member === member) return before;
    this.remove(channel);
    const held = { roster: this.#parts.rosters.open(channel), member, isShown: false, isWatching: false };
    this.#held.set(channel, held);
    return held;
  }

  async #show(held: Held): Promise<void> {
    if (held.isShown) return;
    held.isShown = true;
    await held.roster.show(held.member);
  }

  async #watch(held: Held): Promise<void> {
    if (!held.isWatching) held.roster.watch();
    held.isWatching = true;
    const { roster } = held;
    await roster.ready();
    if (!held.isWatching) return;
    // In one tick: whoever joins with a view misses no change of it.
    this.#parts.connection.send(roster.frame);
    this.#parts.socket.join(roster.topic);
  }

  #hide(held: Held): void {
    if (held.isShown) held.roster.hide(held.member);
    held.isShown = false;
  }

  #unwatch(held: Held): void {
    if (!held.isWatching) return;
    held.isWatching = false;
    this.#parts.socket.leave(held.roster.topic);
    held.roster.unwatch();
  }
}
