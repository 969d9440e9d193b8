import type { Findings } from './findings.ts';
import type { Happening } from './history.ts';

/** The lives of the relay, by place in the history: it was lost at `lostAt` and there again at `returnedAt`. */
export class Lives {
  readonly #breaks: { readonly lostAt: number; readonly returnedAt: number }[] = [];

  constructor(happenings: readonly Happening[]) {
    let lostAt: number | undefined;
    for (const [at, { kind }] of happenings.entries()) {
      if (kind === 'store-lost') lostAt ??= at;
      if (kind !== 'store-returned' || lostAt === undefined) continue;
      this.#breaks.push({ lostAt, returnedAt: at });
      lostAt = undefined;
    }
  }

  /** Most epochs that one log or mailbox may have had. */
  get count(): number {
    return this.#breaks.length + 1;
  }

  /** The last life that had begun for certain when something was asked for at this place. */
  begunBy(at: number): number {
    return this.#breaks.filter(({ returnedAt }) => returnedAt < at).length;
  }

  /** The last life that can have answered at this place. */
  lastBefore(at: number): number {
    return this.#breaks.filter(({ lostAt }) => lostAt < at).length;
  }
}

/** The epochs of one log or one mailbox: each belongs to one life of the store, so that every possible loss is told. */
export class Epochs {
  readonly #lives: Lives;
  readonly #lastLife = new Map<string, number>();
  readonly #reported = new Set<string>();

  constructor(lives: Lives) {
    this.#lives = lives;
  }

  get surplus(): number {
    return Math.max(0, this.#lastLife.size - this.#lives.count);
  }

  /** An answer that came at `at`, to what was asked for at `askedAt`, named this epoch. */
  see(epoch: string, { askedAt, at }: { askedAt: number; at: number }, findings: Findings): void {
    const latest = this.#lastLife.get(epoch) ?? this.#lives.lastBefore(at);
    this.#lastLife.set(epoch, Math.min(latest, this.#lives.lastBefore(at)));
    if (this.#lives.begunBy(askedAt) <= latest || this.#reported.has(epoch)) return;
    this.#reported.add(epoch);
    findings.add('untold', `epoch ${epoch} outlived the store it came from`);
  }
}
