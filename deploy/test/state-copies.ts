import type { Redis } from 'ioredis';

/** What the state Redis holds of some kinds at a moment, to be put back later: a replica that lags, or an old backup. */
export class StateCopies {
  readonly #state: Redis;
  readonly #patterns: readonly string[];
  #dumps: readonly (readonly [key: string, dump: Buffer])[] = [];

  constructor(state: Redis, kinds: readonly string[]) {
    this.#state = state;
    this.#patterns = kinds.map((kind) => `hw1:${kind}:*`);
  }

  /** How many copies there are now; `putBack` brings these. */
  async take(): Promise<number> {
    const keys = await this.#keys();
    const dumps = await Promise.all(keys.map((key) => this.#state.dumpBuffer(key)));
    this.#dumps = keys.map((key, i) => [key, dumps[i] ?? Buffer.alloc(0)] as const);
    return keys.length;
  }

  async empty(): Promise<void> {
    const keys = await this.#keys();
    if (keys.length > 0) await this.#state.del(...keys);
  }

  async putBack(): Promise<void> {
    await this.empty();
    for (const [key, dump] of this.#dumps) await this.#state.restore(key, 0, dump);
  }

  async #keys(): Promise<string[]> {
    return (await Promise.all(this.#patterns.map((pattern) => this.#state.keys(pattern)))).flat();
  }
}
