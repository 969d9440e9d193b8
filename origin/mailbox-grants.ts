import { Failure } from '../shared/failure.ts';
import type { Tag } from '../shared/frame.ts';
import type { MailboxGrantsClaims } from '../shared/token.ts';

interface Held {
  readonly sender: Tag;
  readonly expiresAtMs: number;
}

/** Into which mailboxes one connection may put items, and as which sender. */
export class MailboxGrants {
  /** Made when the first one comes: an empty map costs every idle connection some 200 bytes. */
  #map: Map<Tag, Held> | undefined;
  readonly #most: number;

  /** `most` mailboxes at a time. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Takes over a verified bundle of this connection's own session; throws `grant_refused` or `channel_limit`. */
  add(bundle: MailboxGrantsClaims & { readonly expiresAtMs: number }, session: Tag, nowMs: number): void {
    if (bundle.session !== session) throw new Failure('grant_refused');
    this.#map ??= new Map();
    const held = this.#map;
    for (const [mailbox, { expiresAtMs }] of held) if (expiresAtMs <= nowMs) held.delete(mailbox);
    const added = bundle.mailboxes.filter((mailbox) => !held.has(mailbox)).length;
    if (held.size + added > this.#most) throw new Failure('channel_limit');
    const { sender, expiresAtMs } = bundle;
    for (const mailbox of bundle.mailboxes) held.set(mailbox, { sender, expiresAtMs });
  }

  /** The sender to count an item for; throws `grant_required` or `grant_expired`. */
  need(mailbox: Tag, nowMs: number): Tag {
    const held = this.#map?.get(mailbox);
    if (held === undefined) throw new Failure('grant_required');
    if (held.expiresAtMs <= nowMs) throw new Failure('grant_expired');
    return held.sender;
  }
}
