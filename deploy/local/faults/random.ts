/** Chance that repeats itself: the same seed draws the same numbers (mulberry32). Not for secrets. */
export interface Chance {
  /** Uniform in [0, 1). */
  next(): number;
  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number;
  /** True once in `times`. */
  once(times: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** Another row of numbers, of its own: what one drawer does leaves the others alone. */
  fork(name: string): Chance;
}

export function createChance(seed: number): Chance {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (least: number, most: number) => least + Math.floor(next() * (most - least + 1));
  return {
    next,
    between,
    once: (times) => next() * times < 1,
    pick: <T>(items: readonly T[]) => {
      if (items.length === 0) throw new RangeError('Cannot pick from nothing');
      return items[between(0, items.length - 1)] as T; // `between` stays within the list.
    },
    fork: (name) =>
      createChance([...name].reduce((hash, one) => Math.imul(hash, 31) + one.charCodeAt(0), seed)),
  };
}
