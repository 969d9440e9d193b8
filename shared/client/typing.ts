import { type Clock, systemClock } from './clock.ts';
import { Emitter } from './emitter.ts';
import type { Signals } from './signals.ts';

/** How often typing is told again while it goes on. */
export const TYPING_EVERY_MS = 2_500;
/** Somebody of whom nothing was heard for so long has stopped: two tellings, and some that was lost. */
export const TYPING_ENDS_AFTER_MS = 6_000;

/** Who types in a channel. */
export class Typing {
  readonly #signals: Signals;
  readonly #clock: Clock;
  readonly #emitter = new Emitter<{ readonly change: readonly string[] }>();
  /** Users that type, and what ends it. */
  readonly #typing = new Map<string, () => void>();
  readonly #stop: () => void;
  #toldAtMs = Number.NEGATIVE_INFINITY;

  constructor(signals: Signals, { clock = systemClock }: { readonly clock?: Clock } = {}) {
    this.#signals = signals;
    this.#clock = clock;
    this.#stop = signals.on('typing', ({ userId }) => this.#begins(userId));
  }

  /** Users that type now, in the order they began. */
  get users(): readonly string[] {
    return [...this.#typing.keys()];
  }

  /** Call it on every key: told to the others now and then while it goes on. */
  typed(): void {
    const nowMs = this.#clock.now();
    if (nowMs - this.#toldAtMs < TYPING_EVERY_MS) return;
    this.#toldAtMs = nowMs;
    this.#signals.tellTyping().catch(() => undefined); // Lost, as it may be anywhere on its way.
  }

  /** This account's message has left: the next key is told at once. */
  sent(): void {
    this.#toldAtMs = Number.NEGATIVE_INFINITY;
  }

  /** A message of this user came: whoever has sent does not type. */
  ended(userId: string): void {
    this.#typing.get(userId)?.();
    if (this.#typing.delete(userId)) this.#emitter.emit('change', this.users);
  }

  /** Calls back with `users` when they change. */
  on(name: 'change', listener: (users: readonly string[]) => void): () => void {
    return this.#emitter.on(name, listener);
  }

  close(): void {
    this.#stop();
    for (const cancel of this.#typing.values()) cancel();
    this.#typing.clear();
    this.#emitter.clear();
  }

  #begins(userId: string): void {
    const cancel = this.#typing.get(userId);
    cancel?.();
    this.#typing.set(
      userId,
      this.#clock.after(TYPING_ENDS_AFTER_MS, () => this.ended(userId)),
    );
    if (cancel === undefined) this.#emitter.emit('change', this.users);
  }
}
