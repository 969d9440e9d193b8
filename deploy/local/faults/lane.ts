import type { Socket } from 'node:net';

/** `up`: from who connected to the target · `down`: back. */
export type Direction = 'up' | 'down';

export interface LaneFault {
  readonly isStalled: boolean;
  readonly delayMs: number;
}

/** Bytes of one direction that may wait for their delay; beyond it the sender is not read. */
export const DELAYED_MAX_BYTES = 1024 * 1024;

interface Delayed {
  readonly chunk: Buffer | 'end';
  readonly dueMs: number;
}

/** One direction of one connection. */
export class Lane {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #delayed: Delayed[] = [];
  #fault: LaneFault = { isStalled: false, delayMs: 0 };
  #delayedBytes = 0;
  #isFull = false;
  #hasEnded = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(from: Socket, to: Socket) {
    this.#from = from;
    this.#to = to;
    from.on('data', (chunk: Buffer) => this.#take(chunk));
    from.on('end', () => this.#take('end'));
    to.on('drain', () => {
      this.#isFull = false;
      this.#flow();
    });
  }

  /** Bytes held back for their delay. */
  get delayedBytes(): number {
    return this.#delayedBytes;
  }

  set(fault: LaneFault): void {
    this.#fault = fault;
    this.#flow();
  }

  /** Sends a FIN; whatever else is sent this way is thrown away. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.discard();
    this.#to.end();
  }

  /** Forgets what waits; for a connection that is over. */
  discard(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#delayed.length = 0;
    this.#delayedBytes = 0;
  }

  #take(chunk: Buffer | 'end'): void {
    if (this.#hasEnded) return;
    this.#delayed.push({ chunk, dueMs: performance.now() + this.#fault.delayMs });
    this.#delayedBytes += sizeOf(chunk);
    this.#flow();
  }

  /** Passes on what is due, then decides whether to read more. */
  #flow(): void {
    const nowMs = performance.now();
    while (!this.#fault.isStalled && !this.#isFull) {
      const [first] = this.#delayed;
      if (first === undefined || first.dueMs > nowMs) break;
      this.#delayed.shift();
      this.#pass(first.chunk);
    }
    this.#arm(nowMs);
    const isOpen = !this.#fault.isStalled && !this.#isFull && this.#delayedBytes < DELAYED_MAX_BYTES;
    if (isOpen || this.#hasEnded) this.#from.resume();
    else this.#from.pause();
  }

  #pass(chunk: Buffer | 'end'): void {
    if (chunk === 'end') return this.end();
    this.#delayedBytes -= chunk.length;
    if (this.#to.writable) this.#isFull = !this.#to.write(chunk);
  }

  #arm(nowMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const [first] = this.#delayed;
    if (first === undefined || this.#fault.isStalled || this.#isFull) return;
    this.#timer = setTimeout(() => this.#flow(), Math.max(1, first.dueMs - nowMs));
  }
}

function sizeOf(chunk: Buffer | 'end'): number {
  return chunk === 'end' ? 0 : chunk.length;
}
