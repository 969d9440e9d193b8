import { Failure } from '../../shared/failure.ts';

export interface SlotsOptions {
  /** How many may hold a slot at once. */
  readonly max: number;
  /** How many may wait for one; a caller beyond them is refused at once. */
  readonly waitingMax: number;
  /** Longest wait in milliseconds. */
  readonly waitMs: number;
}

/**
 * Bounded admission to a pool, first come, first served. The driver's own queue has neither a length nor a deadline,
 * so nothing may ever stand in it.
 */
export class Slots {
  readonly #options: SlotsOptions;
  #held = 0;
  /** Longest waiting first. */
  readonly #waiting = new Set<() => void>();

  constructor(options: SlotsOptions) {
    this.#options = options;
  }

  get held(): number {
    return this.#held;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Resolves with a slot of the caller's own; rejects with `unavailable` when the queue is full or the wait too long. */
  acquire(): Promise<void> {
    const { max, waitingMax, waitMs } = this.#options;
    if (this.#held < max) {
      this.#held += 1;
      return Promise.resolve();
    }
    if (this.#waiting.size >= waitingMax) return Promise.reject(busy());
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(admit);
        reject(busy());
      }, waitMs);
      const admit = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#waiting.add(admit);
    });
  }

  /** Gives the slot to the longest waiting caller, if any. */
  release(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#held -= 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}

function busy(): Failure {
  return new Failure('unavailable', { detail: 'The store is busy' });
}
