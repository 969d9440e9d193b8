import { Failure } from '../failure.ts';

/** What one reader may leave unread: a long replay of one channel fits (its log holds at most 1,000 and 4 MiB). */
export const INBOX_MAX_ITEMS = 2_000;
export const INBOX_MAX_BYTES = 8 * 1024 * 1024;

export interface InboxOptions<T> {
  readonly sizeOf: (item: T) => number;
  /** Called once, when the reader leaves or the inbox ends. */
  readonly onEnd?: () => void;
  readonly maxItems?: number;
  readonly maxBytes?: number;
}

/**
 * A bounded queue that one reader empties with `for await`. A reader that leaves more than the bound unread gets what
 * is queued and then `slow_consumer`: it never misses an item without being told.
 */
export class Inbox<T> implements AsyncIterableIterator<T> {
  readonly #options: Required<Omit<InboxOptions<T>, 'onEnd'>> & Pick<InboxOptions<T>, 'onEnd'>;
  readonly #items: T[] = [];
  readonly #waiting: ((result: Promise<IteratorResult<T>>) => void)[] = [];
  #bytes = 0;
  #end: { readonly failure: Failure | undefined } | undefined;

  constructor(options: InboxOptions<T>) {
    this.#options = { maxItems: INBOX_MAX_ITEMS, maxBytes: INBOX_MAX_BYTES, ...options };
  }

  /** Hands over one item; on overflow the inbox ends with `slow_consumer`. */
  push(item: T): void {
    if (this.#end !== undefined) return;
    const reader = this.#waiting.shift();
    if (reader !== undefined) return reader(Promise.resolve({ done: false, value: item }));
    const bytes = this.#options.sizeOf(item);
    const isFull =
      this.#items.length >= this.#options.maxItems || this.#bytes + bytes > this.#options.maxBytes;
    if (isFull) return this.end(new Failure('slow_consumer', { detail: 'Too many messages are unread' }));
    this.#items.push(item);
    this.#bytes += bytes;
  }

  /** No more items: the reader gets what is queued, then the end, or `failure` thrown once. */
  end(failure?: Failure): void {
    if (this.#end !== undefined) return;
    this.#end = { failure };
    this.#options.onEnd?.();
    for (const reader of this.#waiting.splice(0)) reader(this.#finish());
  }

  next(): Promise<IteratorResult<T>> {
    const item = this.#items.shift();
    if (item !== undefined) {
      this.#bytes -= this.#options.sizeOf(item);
      return Promise.resolve({ done: false, value: item });
    }
    if (this.#end !== undefined) return this.#finish();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The reader leaves (`break` in its loop): the queue is dropped. */
  return(): Promise<IteratorResult<T>> {
    this.#items.length = 0;
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #finish(): Promise<IteratorResult<T>> {
    const failure = this.#end?.failure;
    this.#end = { failure: undefined };
    return failure === undefined
      ? Promise.resolve({ done: true, value: undefined })
      : Promise.reject(failure);
  }
}
