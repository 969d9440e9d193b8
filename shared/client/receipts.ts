/**
 * How far each member has received and read a channel. Marks only grow, and each tells all of it, so one that is lost is
 * made up for by the next; who comes back asks the others, and tells its own. Nobody keeps them for those who are away: two
 * members learn of each other's when both are there.
 */
import type { Position } from '../position.ts';
import { type Clock, systemClock } from './clock.ts';
import { Emitter } from './emitter.ts';
import type { Mark, Signals } from './signals.ts';

/** Marks of messages that come at once are told together. */
export const TELL_AFTER_MS = 200;
/** In a crowd, answers to everybody who comes in would be all there is. */
export const ANSWERING_MAX = 30;

/** Epoch in the mark of somebody who has received nothing yet, and only asks. */
const NOWHERE = '';

export interface ReceiptOptions {
  /** False keeps to oneself what was read, and tells only what was delivered. */
  readonly tellsRead?: boolean;
  /** Marks of an earlier run, by user, with this account's own: nothing is asked of the others to know them again. */
  readonly known?: ReadonlyMap<string, Mark>;
  readonly clock?: Clock;
}

export class Receipts {
  readonly #signals: Signals;
  readonly #clock: Clock;
  readonly #tellsRead: boolean;
  readonly #emitter = new Emitter<{ readonly mark: { readonly userId: string; readonly mark: Mark } }>();
  readonly #marks: Map<string, Mark>;
  readonly #stop: () => void;
  #cancel: (() => void) | undefined;

  constructor(signals: Signals, { tellsRead = true, known, clock = systemClock }: ReceiptOptions = {}) {
    this.#signals = signals;
    this.#clock = clock;
    this.#tellsRead = tellsRead;
    this.#marks = new Map(known);
    this.#stop = signals.on('mark', ({ userId, mark, asks }) => {
      if (mark.epoch !== NOWHERE) this.#raise(userId, mark);
      if (asks && this.#marks.size <= ANSWERING_MAX)
        this.#tellSoon(TELL_AFTER_MS * (1 + this.#clock.random()));
    });
  }

  /** By user, this account's own included; to be kept with the messages, and handed back as `known`. */
  get marks(): ReadonlyMap<string, Mark> {
    return this.#marks;
  }

  /** This device has everything up to this position. */
  delivered({ epoch, offset }: Position): void {
    this.#advance({ epoch, delivered: offset, read: 0 });
  }

  /** The person has read everything up to this position. */
  read({ epoch, offset }: Position): void {
    this.#advance({ epoch, delivered: offset, read: offset });
  }

  /** The channel carries messages, for the first time or again: tells how far this account is, and asks the others. */
  announce(): void {
    this.#tell({ asks: true });
  }

  /** How many of the others have received and read what stands at this position. */
  countAt({ epoch, offset }: Position): { readonly delivered: number; readonly read: number } {
    const others = [...this.#marks].flatMap(([userId, mark]) =>
      userId !== this.#signals.userId && mark.epoch === epoch ? [mark] : [],
    );
    return {
      delivered: others.filter((mark) => mark.delivered >= offset).length,
      read: others.filter((mark) => mark.read >= offset).length,
    };
  }

  /** Calls back on every mark that grows, this account's own included. */
  on(name: 'mark', listener: (event: { userId: string; mark: Mark }) => void): () => void {
    return this.#emitter.on(name, listener);
  }

  close(): void {
    this.#stop();
    this.#cancel?.();
    this.#emitter.clear();
  }

  #advance(mark: Mark): void {
    if (this.#raise(this.#signals.userId, mark)) this.#tellSoon(TELL_AFTER_MS);
  }

  /** True when it grew. A new epoch begins anew: its offsets are not those of the one before. */
  #raise(userId: string, { epoch, ...mark }: Mark): boolean {
    const known = this.#marks.get(userId);
    const before = known?.epoch === epoch ? known : { delivered: 0, read: 0 };
    const delivered = Math.max(before.delivered, mark.delivered, mark.read);
    const read = Math.max(before.read, mark.read);
    const isSame = known?.epoch === epoch && known.delivered === delivered && known.read === read;
    if (isSame) return false;
    this.#marks.set(userId, { epoch, delivered, read });
    this.#emitter.emit('mark', { userId, mark: { epoch, delivered, read } });
    return true;
  }

  #tellSoon(ms: number): void {
    this.#cancel ??= this.#clock.after(ms, () => this.#tell({ asks: false }));
  }

  #tell({ asks }: { readonly asks: boolean }): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const own = this.#marks.get(this.#signals.userId) ?? { epoch: NOWHERE, delivered: 0, read: 0 };
    const mark = this.#tellsRead ? own : { ...own, read: 0 };
    this.#signals.tellMark(mark, { asks }).catch(() => undefined); // Lost; the next one tells it all.
  }
}
