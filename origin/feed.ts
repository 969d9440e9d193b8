/**
 * The live stream of one channel on one node.
 *
 * Invariant: `last` is the position of the newest publication handed to the fan-out, and everything after it will be
 * handed over exactly once, in order. Announcements may be missed (a cut subscription) or arrive around a new epoch;
 * whatever does not follow `last` by one starts a *repair*, which reads the log from `last` on and fans that out, so
 * that every joined connection is healed by one read. While `last` is undefined nobody has joined yet.
 *
 * A connection joins the fan-out only in the very tick in which it stands exactly at `last` (recovery.ts); hence
 * neither gap nor repeat.
 */
import { backoffMs } from '../shared/backoff.ts';
import { encodePublication, encodeServerFrame } from '../shared/codec.ts';
import { isFailure } from '../shared/failure.ts';
import type { Tag } from '../shared/frame.ts';
import { type Position, stepTo } from '../shared/position.ts';
import type { Broker, FanOut, LoggedPublication, Page } from './ports.ts';

export interface FeedPorts {
  readonly broker: Broker;
  readonly fanOut: FanOut;
  readonly wait: (ms: number) => Promise<void>;
  readonly onGap: () => void;
  readonly onRepair: () => void;
}

export class Feed {
  readonly channel: Tag;
  readonly #ports: FeedPorts;
  #last: Position | undefined;
  #seen: Position | undefined;
  #repairing: Promise<void> | undefined;
  #isClosed = false;

  constructor(channel: Tag, ports: FeedPorts) {
    this.channel = channel;
    this.#ports = ports;
  }

  /** Position of the newest publication fanned out; a connection standing there may join. */
  get last(): Position | undefined {
    return this.#last;
  }

  /** Sets where the stream begins on this node; only while nobody has joined. */
  begin(at: Position): void {
    this.#last = at;
  }

  /** An announcement from the broker. */
  receive(publication: LoggedPublication): void {
    this.#seen = publication.position;
    if (this.#repairing !== undefined) return; // The repair reads it from the log.
    if (this.#last === undefined) {
      this.#last = publication.position;
      return;
    }
    const step = stepTo(this.#last, publication.position);
    if (step === 'next') this.#deliver(publication);
    else if (step !== 'repeat') void this.repair();
  }

  /** Reads from the log what this node has not fanned out; resolves when the feed stands at the head, or is closed. */
  repair(): Promise<void> {
    if (this.#last === undefined || this.#isClosed) return Promise.resolve();
    this.#repairing ??= this.#repair().finally(() => {
      this.#repairing = undefined;
    });
    return this.#repairing;
  }

  close(): void {
    this.#isClosed = true;
  }

  async #repair(): Promise<void> {
    this.#ports.onRepair();
    for (let attempt = 0; !this.#isClosed; ) {
      try {
        const page = await this.#ports.broker.read(this.channel, this.#last);
        if (this.#isClosed) return;
        this.#apply(page);
        if (this.#isCurrent(page)) return;
        attempt = 0;
      } catch (error) {
        if (!isFailure(error, 'unavailable')) throw error;
        await this.#ports.wait(50 + backoffMs(attempt, { baseMs: 100, capMs: 2_000 }));
        attempt += 1;
      }
    }
  }

  #apply(page: Page): void {
    if (page.gap !== undefined) {
      this.#ports.onGap();
      const gap = { type: 'gap', channel: this.channel, position: page.start, reason: page.gap } as const;
      this.#ports.fanOut(this.channel, encodeServerFrame(gap));
      this.#last = page.start;
    }
    for (const publication of page.publications) this.#deliver(publication);
  }

  /** Whether nothing is known beyond what was fanned out. An announcement of another epoch is older than this read. */
  #isCurrent(page: Page): boolean {
    const last = this.#last;
    if (last === undefined || last.offset < page.head.offset) return false;
    return this.#seen === undefined || this.#seen.epoch !== last.epoch || this.#seen.offset <= last.offset;
  }

  #deliver({ position, body }: LoggedPublication): void {
    this.#last = position;
    this.#ports.fanOut(this.channel, encodePublication(position, body));
  }
}
