import type { Tag } from '../../../shared/frame.ts';
import type { Findings } from './findings.ts';
import type { Happening } from './history.ts';

/** Which shard of the relay holds a channel or a mailbox. */
export type ShardOf = (tag: Tag) => number;

/** The lives of one shard of the relay, by place in the history: lost at `lostAt` and there again at `returnedAt`. */
export class Lives {
  readonly #breaks: { readonly lostAt: number; readonly returnedAt: number }[] = [];

  constructor(happenings: readonly Happening[], shard: number) {
    let lostAt: number | undefined;
    for (const [at, happening] of happenings.entries()) {
      if (happening.kind !== 'store-lost' && happening.kind !== 'store-returned') continue;
      if ((happening.shard ?? shard) !== shard) continue;
      if (happening.kind === 'store-lost') lostAt ??= at;
      if (happening.kind === 'store-lost' || lostAt === undefined) continue;
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

/** The lives of every shard. */
export class Shards {
  readonly #happenings: readonly Happening[];
  readonly #shardOf: ShardOf;
  readonly #lives = new Map<number, Lives>();

  constructor(happenings: readonly Happening[], shardOf: ShardOf) {
    this.#happenings = happenings;
    this.#shardOf = shardOf;
  }

  /** Those of the shard that holds a channel or a mailbox. */
  livesOf(tag: Tag): Lives {
    const shard = this.#shardOf(tag);
    const lives = this.#lives.get(shard) ?? new Lives(this.#happenings, shard);
    this.#lives.set(shard, lives);
    return lives;
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
