/**
 * What this node knows to be ended: sessions, devices and rights, each until no ticket, grant or access token from before
 * its end can be good any more, nor a copy of it that an edge finds in a state Redis that lags.
 *
 * Two sources. Hints through the relay arrive within milliseconds and may get lost; the durable revocations are read
 * before the node is ready, whenever hints may have been missed, and every `rereadMs`. A node that has heard from neither
 * for too long does not know who was banned: it `isSilent`, and delivers nothing (suspension.ts) until it does.
 *
 * Bound: as many tags as were ended within three days, some 150 bytes each.
 */
import type { Tag } from '../shared/frame.ts';
import { errorFields, type Log } from '../shared/log.ts';
import type { Control, RevocationRecords } from './ports.ts';

export interface RevocationPorts {
  readonly records: Pick<RevocationRecords, 'readRevocations'>;
  readonly control: Control;
  readonly rereadMs: number;
  readonly now: () => number;
  readonly log: Log;
  /** Runs once after `ms`; the result cancels it. */
  readonly setTimer: (run: () => void, ms: number) => () => void;
}

/** Copies of devices and memberships are held for three days at most (edge/copies.ts); tokens live for minutes. */
export const REVOCATION_LIFE_MS = 3 * 86_400_000;
/** Two readings that failed, and as long without a sign of the relay. */
const SILENT_AFTER_READS = 2;
/** A relay that works gives a sign of itself every two seconds; one or two of them may be late. */
const SILENT_AFTER_AT_LEAST_MS = 5_000;

/** How long a node that reads so often goes on delivering while it hears from nobody. */
export function silenceLimitMs(rereadMs: number): number {
  return Math.max(SILENT_AFTER_READS * rereadMs, SILENT_AFTER_AT_LEAST_MS);
}

export class Revocations {
  readonly #ports: RevocationPorts;
  /** When each tag may be forgotten, oldest first: all have the same life. */
  readonly #forgetAtMs = new Map<Tag, number>();
  #onRevoked: (tags: readonly Tag[]) => void = () => undefined;
  #last = 0;
  #reading: Promise<void> | undefined;
  #cancel: () => void = () => undefined;
  #readMs = 0;
  /** Times that hints may have been missed; the first is before there were any. */
  #breaks = 1;
  /** So many of them came before the last reading began: while there are more, hints do not tell everything. */
  #coveredBreaks = 0;
  #lagMs = 0;

  constructor(ports: RevocationPorts) {
    this.#ports = ports;
  }

  /** Loads what is revoked and follows it from then on; `onRevoked` hears every tag at least once. Throws `unavailable`. */
  async start(onRevoked: (tags: readonly Tag[]) => void): Promise<void> {
    this.#onRevoked = onRevoked;
    // Listening comes first: what is ended while the store is read arrives as a hint.
    await this.#ports.control.listen({
      onHint: (tags, sentAtMs) => {
        this.#learn(tags);
        if (sentAtMs !== undefined) this.#lagMs = Math.max(this.#ports.now() - sentAtMs, 0);
      },
      onInterrupted: () => {
        this.#breaks += 1;
        void this.#follow();
      },
    });
    await this.#read();
    this.#schedule();
  }

  stop(): void {
    this.#cancel();
    this.#cancel = () => undefined;
    this.#onRevoked = () => undefined;
  }

  /** Whether one of these was ended; all that is asked on admission. */
  has(...tags: readonly Tag[]): boolean {
    return tags.some((tag) => this.#forgetAtMs.has(tag));
  }

  /** Milliseconds since the durable revocations were read to their end; 0 before the first time. */
  get readAgeMs(): number {
    return this.#readMs === 0 ? 0 : this.#ports.now() - this.#readMs;
  }

  /**
   * Whether this node may not know of a revocation that is older than the limit: neither was the store read since, nor
   * did the relay, without a break since the last reading, show that its hints arrive. Asked again and again: a relay that
   * was silent for so long has missed hints, also when it says so only after it came back.
   */
  isSilent(): boolean {
    const limitMs = silenceLimitMs(this.#ports.rereadMs);
    if (this.#ports.control.silentMs() >= limitMs) this.#breaks = this.#coveredBreaks + 1;
    return this.#breaks !== this.#coveredBreaks && this.readAgeMs >= limitMs;
  }

  /** Milliseconds from the node that was told last of an ending until its sockets here were closed, by the nodes' clocks. */
  get lagMs(): number {
    return this.#lagMs;
  }

  /** How many tags are known to be ended. */
  get size(): number {
    return this.#forgetAtMs.size;
  }

  /** Ends these here at once, and tells the other nodes; for whoever has written the revocations. Never throws. */
  announce(tags: readonly Tag[]): void {
    if (tags.length === 0) return;
    this.#learn(tags);
    this.#ports.control.hint(tags).catch((error: unknown) => this.#warn('revocations.hint_failed', error));
  }

  #learn(tags: readonly Tag[]): void {
    const forgetAtMs = this.#ports.now() + REVOCATION_LIFE_MS;
    for (const tag of tags) {
      this.#forgetAtMs.delete(tag);
      this.#forgetAtMs.set(tag, forgetAtMs);
    }
    this.#onRevoked(tags);
  }

  #schedule(): void {
    this.#cancel = this.#ports.setTimer(() => {
      this.#forget();
      this.#schedule();
      void this.#follow();
    }, this.#ports.rereadMs);
  }

  #forget(): void {
    const nowMs = this.#ports.now();
    for (const [tag, forgetAtMs] of this.#forgetAtMs) {
      if (forgetAtMs > nowMs) return;
      this.#forgetAtMs.delete(tag);
    }
  }

  /** Reads once more; a failure is logged, and the next time makes up for it. */
  async #follow(): Promise<void> {
    try {
      await this.#read();
    } catch (error) {
      this.#warn('revocations.read_failed', error);
    }
  }

  #read(): Promise<void> {
    this.#reading ??= this.#readOn().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readOn(): Promise<void> {
    // What breaks from here on may hide what this reading does not find.
    const [beganMs, breaks] = [this.#ports.now(), this.#breaks];
    await this.#readPages();
    this.#coveredBreaks = breaks;
    this.#readMs = beganMs;
  }

  async #readPages(): Promise<void> {
    for (;;) {
      const page = await this.#ports.records.readRevocations(this.#last);
      // The store was put back to an earlier day: its numbers are not the ones we know.
      if (page.head < this.#last) {
        this.#last = 0;
        continue;
      }
      this.#last = page.last;
      if (page.tags.length > 0) this.#learn(page.tags);
      if (page.isWhole) return;
    }
  }

  #warn(event: string, error: unknown): void {
    this.#ports.log('warn', event, errorFields(error));
  }
}
