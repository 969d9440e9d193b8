import type { Tag } from '../shared/frame.ts';

/** What is found by tag. One alone is held as it is: a set for each would cost more than the connection's own state. */
export class ConnectionIndex<C extends object> {
  readonly #held = new Map<Tag, C | Set<C>>();

  add(tag: Tag, connection: C): void {
    const held = this.#held.get(tag);
    if (held === undefined) this.#held.set(tag, connection);
    else if (held instanceof Set) held.add(connection);
    else if (held !== connection) this.#held.set(tag, new Set([held, connection]));
  }

  remove(tag: Tag, connection: C): void {
    const held = this.#held.get(tag);
    if (held === connection) this.#held.delete(tag);
    if (!(held instanceof Set)) return;
    held.delete(connection);
    if (held.size === 0) this.#held.delete(tag);
  }

  /** Those under the tag, as they are now. */
  find(tag: Tag): readonly C[] {
    const held = this.#held.get(tag);
    if (held === undefined) return [];
    return held instanceof Set ? [...held] : [held];
  }

  /** How many tags there is something under. */
  get size(): number {
    return this.#held.size;
  }
}
