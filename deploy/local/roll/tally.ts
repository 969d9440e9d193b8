/** What a message says of itself, so that whoever reads it can tell what is missing. */
export interface Marked {
  readonly channel: number;
  readonly sender: number;
  /** Counts up from 1 for each sender. */
  readonly number: number;
  /** Monotonic clock of this process, when it was handed over. */
  readonly atMs: number;
}

export interface Totals {
  readonly accepted: number;
  readonly delivered: number;
  /** Deliveries of accepted messages that never came. */
  readonly lost: number;
  readonly duplicated: number;
  /** Deliveries of a sender's message after a later one of the same sender. */
  readonly reordered: number;
}

/**
 * Keeps the books of one run: each accepted message must reach every member of its channel, once, and a sender's messages
 * in the order in which they were sent.
 */
export class Tally {
  readonly latenciesMs: number[] = [];
  readonly #members: number;
  readonly #accepted = new Set<string>();
  readonly #readers: Map<string, number>[];
  readonly #last: Map<string, number>[];
  #duplicated = 0;
  #reordered = 0;

  /** `readers` clients, of which `members` share each channel. */
  constructor({ readers, members }: { readonly readers: number; readonly members: number }) {
    this.#members = members;
    this.#readers = Array.from({ length: readers }, () => new Map());
    this.#last = Array.from({ length: readers }, () => new Map());
  }

  accepted(message: Marked): void {
    this.#accepted.add(nameOf(message));
  }

  received(reader: number, message: Marked, nowMs: number): void {
    const seen = this.#readers[reader] ?? new Map();
    const name = nameOf(message);
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    if (times > 1) this.#duplicated += 1;
    else this.latenciesMs.push(nowMs - message.atMs);
    this.#order(reader, message);
  }

  totals(): Totals {
    let arrived = 0;
    for (const seen of this.#readers)
      for (const name of seen.keys()) if (this.#accepted.has(name)) arrived += 1;
    return {
      accepted: this.#accepted.size,
      delivered: arrived,
      lost: this.#accepted.size * this.#members - arrived,
      duplicated: this.#duplicated,
      reordered: this.#reordered,
    };
  }

  #order(reader: number, { channel, sender, number }: Marked): void {
    const last = this.#last[reader];
    const stream = `${channel} ${sender}`;
    if (number < (last?.get(stream) ?? 0)) this.#reordered += 1;
    else last?.set(stream, number);
  }
}

function nameOf({ channel, sender, number }: Marked): string {
  return `${channel} ${sender} ${number}`;
}
