import type { Clock } from '../clock.ts';

/** A clock that moves only when a test says so. */
export class ManualClock implements Clock {
  /** What `random()` answers. */
  chance = 0.5;
  #nowMs = 1_700_000_000_000;
  readonly #timers = new Set<{ readonly atMs: number; readonly run: () => void }>();

  now(): number {
    return this.#nowMs;
  }

  random = (): number => this.chance;

  after(ms: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + ms, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Timers that are armed now. */
  get armed(): number {
    return this.#timers.size;
  }

  /** Milliseconds until the next timer; undefined without one. */
  get nextMs(): number | undefined {
    const [next] = this.#sorted();
    return next === undefined ? undefined : next.atMs - this.#nowMs;
  }

  /** Lets the time pass and runs what falls due, in order; what that leads to settles in between. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settled();
    for (let next = this.#sorted()[0]; next !== undefined && next.atMs <= endMs; next = this.#sorted()[0]) {
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      this.#timers.delete(next);
      next.run();
      await settled();
    }
    this.#nowMs = endMs;
  }

  #sorted() {
    return [...this.#timers].sort((a, b) => a.atMs - b.atMs);
  }
}

/** Resolves when every promise that could go on has done so; says nothing about work on other threads. */
export async function settled(): Promise<void> {
  await new Promise<void>((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}

/** Below the limit of a test, so that the message tells what was missing. */
const UNTIL_TIMEOUT_MS = 4_000;

/** Waits, in real time but never past the limit, until the predicate holds: for work on other threads, as of WebCrypto. */
export async function until(predicate: () => boolean, what: string): Promise<void> {
  const endMs = performance.now() + UNTIL_TIMEOUT_MS;
  while (!predicate()) {
    if (performance.now() > endMs) throw new Error(`Timed out waiting for ${what}`);
    await settled();
  }
}
