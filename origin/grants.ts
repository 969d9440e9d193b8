import { Failure } from '../shared/failure.ts';
import type { Tag } from '../shared/frame.ts';
import type { Grant, GrantsClaims, Verb } from '../shared/token.ts';

interface Held extends Grant {
  readonly expiresAtMs: number;
}

const NONE: readonly Tag[] = [];

/** The grants one connection holds, newest per channel. */
export class Grants {
  readonly #held = new Map<Tag, Held>();
  /** No grant ends before; every connection is asked every second, and nearly none has one that ended. */
  #firstEndMs = Number.POSITIVE_INFINITY;
  readonly #most: number;

  /** `most` channels at a time. */
  constructor(most: number) {
    this.#most = most;
  }

  /**
   * Takes over a verified bundle of this connection's own session. A grant of an older generation than the one held is
   * refused with the whole bundle (`grant_refused`); more channels than a connection may hold: `channel_limit`.
   */
  add(bundle: GrantsClaims & { readonly expiresAtMs: number }, session: Tag): void {
    if (bundle.session !== session) throw new Failure('grant_refused');
    const isOlder = (grant: Grant) => grant.generation < (this.#held.get(grant.channel)?.generation ?? 0);
    if (bundle.grants.some(isOlder)) throw new Failure('grant_refused');
    const added = bundle.grants.filter((grant) => !this.#held.has(grant.channel)).length;
    if (this.#held.size + added > this.#most) throw new Failure('channel_limit');
    for (const grant of bundle.grants) {
      const before = this.#held.get(grant.channel)?.expiresAtMs ?? 0;
      const expiresAtMs = Math.max(before, bundle.expiresAtMs);
      this.#held.set(grant.channel, { ...grant, verbs: shared(grant.verbs), expiresAtMs });
    }
    this.#firstEndMs = Math.min(this.#firstEndMs, bundle.expiresAtMs);
  }

  /** The grant for one verb; throws `grant_required`, `grant_expired` or `verb_not_granted`. */
  need(channel: Tag, verb: Verb, nowMs: number): Grant {
    const grant = this.#held.get(channel);
    if (grant === undefined) throw new Failure('grant_required');
    if (grant.expiresAtMs <= nowMs) throw new Failure('grant_expired');
    if (!grant.verbs.includes(verb)) throw new Failure('verb_not_granted');
    return grant;
  }

  /** Removes and returns the channels that were revoked themselves, or whose right was. */
  takeRevoked(ended: ReadonlySet<Tag>): Tag[] {
    const revoked = [...this.#held.values()].filter(
      ({ channel, right }) => ended.has(channel) || (right !== undefined && ended.has(right)),
    );
    for (const { channel } of revoked) this.#held.delete(channel);
    return revoked.map(({ channel }) => channel);
  }

  /** Removes and returns the channels whose grant has ended. */
  takeExpired(nowMs: number): readonly Tag[] {
    if (nowMs < this.#firstEndMs) return NONE;
    const expired = [...this.#held.values()].filter((grant) => grant.expiresAtMs <= nowMs);
    for (const { channel } of expired) this.#held.delete(channel);
    this.#firstEndMs = Math.min(...[...this.#held.values()].map(({ expiresAtMs }) => expiresAtMs));
    return expired.map(({ channel }) => channel);
  }
}

/** Every combination that was granted, once: there are few, and a node holds a list of verbs for every subscription. */
const COMBINATIONS = new Map<string, readonly Verb[]>();
const COMBINATIONS_MAX = 64;

function shared(verbs: readonly Verb[]): readonly Verb[] {
  const key = verbs.join();
  const before = COMBINATIONS.get(key);
  if (before !== undefined) return before;
  if (COMBINATIONS.size < COMBINATIONS_MAX) COMBINATIONS.set(key, verbs);
  return verbs;
}
