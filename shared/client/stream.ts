import type { PublicationFrame, Tag } from '../frame.ts';
import { type Position, stepTo } from '../position.ts';

/** `deliver` it · drop it, it is a `repeat` · a `hole`: publications before it never came. */
export type Arrival = 'deliver' | 'repeat' | 'hole';

/** Ids remembered against repeats: twice what a channel's log holds, so that a whole replay is recognised. */
const REMEMBERED_IDS = 2_048;

/**
 * Where a reader stands in one channel, over any number of connections. Publications pass in order and once: a repeat
 * is known by its offset, or, when a sender's retry was given a second offset, by sender and id.
 */
export class Stream {
  #last: Position | undefined;
  readonly #seen = new Set<string>();

  constructor(after?: Position) {
    this.#last = after;
  }

  /** Position of the newest publication that passed; where to resume. Undefined before the first subscription. */
  get position(): Position | undefined {
    return this.#last;
  }

  /** Judges one publication; a hole leaves the position where it was, so that resuming from it brings what is missing. */
  arrive(publication: Pick<PublicationFrame, 'epoch' | 'offset' | 'id' | 'from'>): Arrival {
    const { epoch, offset, id, from } = publication;
    const step = this.#last === undefined ? 'next' : stepTo(this.#last, { epoch, offset });
    if (step === 'repeat') return 'repeat';
    if (step !== 'next') return 'hole';
    this.#last = { epoch, offset };
    return this.#remember(from, id) ? 'deliver' : 'repeat';
  }

  /**
   * The node says that publications before `position` may be missing. False when they are here all the same: while a
   * client moves, two connections carry the channel, and one may miss what the other has brought.
   */
  skipTo(position: Position): boolean {
    const isBehind = this.#last?.epoch === position.epoch && position.offset <= this.#last.offset;
    if (!isBehind) this.#last = position;
    return !isBehind;
  }

  /**
   * The node answered `subscribe` with the position joined at. Publications may have overtaken that answer, so it
   * counts only for a stream that began with it; false when it shows that the node left something out.
   */
  joined(position: Position): boolean {
    this.#last ??= position;
    return this.#last.epoch !== position.epoch || position.offset <= this.#last.offset;
  }

  #remember(from: Tag, id: string): boolean {
    const key = `${from}:${id}`;
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    const [oldest] = this.#seen;
    if (this.#seen.size > REMEMBERED_IDS && oldest !== undefined) this.#seen.delete(oldest);
    return true;
  }
}
