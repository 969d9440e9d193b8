/**
 * Latencies in microseconds, in buckets that are at most 1.6 % wide (64 to an octave), so that those of several processes
 * add up exactly before a percentile is taken: percentiles themselves cannot be averaged.
 */

const PER_OCTAVE = 64;
/** Up to 2^32 µs, more than an hour. */
const BUCKETS = PER_OCTAVE * 27;

export class Histogram {
  readonly counts: number[];

  constructor(counts: readonly number[] = []) {
    this.counts = Array.from({ length: BUCKETS }, (_, i) => counts[i] ?? 0);
  }

  add(us: number): void {
    const index = indexOf(us);
    this.counts[index] = (this.counts[index] ?? 0) + 1;
  }

  merge(counts: readonly number[]): void {
    for (const [i, count] of counts.entries()) this.counts[i] = (this.counts[i] ?? 0) + count;
  }

  clear(): void {
    this.counts.fill(0);
  }

  get total(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }

  /** Upper edge, in milliseconds, of the bucket that holds the `share` quantile (0 to 1); NaN when nothing was added. */
  quantileMs(share: number): number {
    const wanted = Math.ceil(this.total * share);
    let seen = 0;
    for (const [i, count] of this.counts.entries()) {
      seen += count;
      if (count > 0 && seen >= wanted) return upperEdge(i) / 1_000;
    }
    return Number.NaN;
  }
}

/** Exact below 64 µs, then 64 buckets to each doubling. */
function indexOf(us: number): number {
  const whole = Math.max(0, Math.floor(us));
  if (whole < PER_OCTAVE) return whole;
  const octave = Math.floor(Math.log2(whole)) - 6;
  return Math.min(BUCKETS - 1, PER_OCTAVE * (octave + 1) + Math.floor(whole / 2 ** octave) - PER_OCTAVE);
}

function upperEdge(index: number): number {
  if (index < PER_OCTAVE) return index + 1;
  const octave = Math.floor(index / PER_OCTAVE) - 1;
  return ((index % PER_OCTAVE) + PER_OCTAVE + 1) * 2 ** octave;
}
