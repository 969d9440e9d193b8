import type { GapReason, Tag } from '../../../shared/frame.ts';
import type { Position } from '../../../shared/position.ts';

/**
 * What happened, as clients saw it, in the order in which they saw it. All of them live in one process, so the order is
 * that of its one clock: what was offered after `returned` reached the new life of the store.
 */
export type Happening =
  | Offered
  | Accepted
  | Held
  | Read
  | Gap
  | { readonly kind: 'left'; readonly reader: string }
  /** Everybody is quiet, and this is the last position of the channel. */
  | { readonly kind: 'end'; readonly channel: Tag; readonly position: Position }
  /** The relay was ended, or a replica took over: what it confirmed last may be gone. Of a Cluster, one shard only. */
  | { readonly kind: 'store-lost' | 'store-returned'; readonly shard?: number | undefined }
  | { readonly kind: 'fault'; readonly what: string }
  | MailHappening;

/** A publication was sent for the first time. */
export interface Offered {
  readonly kind: 'offered';
  readonly channel: Tag;
  readonly id: string;
}
/** It was answered with `ok`. */
export interface Accepted {
  readonly kind: 'accepted';
  readonly channel: Tag;
  readonly id: string;
  readonly position: Position;
  readonly ifCommit?: Position | undefined;
}
/** A reader begins here; what comes after is due to it until it leaves. */
export interface Held {
  readonly kind: 'held';
  readonly reader: string;
  readonly channel: Tag;
  readonly position: Position;
  /** Drops a publication whose id it has read before, as the SDK does. */
  readonly isDropping?: true | undefined;
}
export interface Read {
  readonly kind: 'read';
  readonly reader: string;
  readonly channel: Tag;
  readonly id: string;
  readonly position: Position;
}
export interface Gap {
  readonly kind: 'gap';
  readonly reader: string;
  readonly channel: Tag;
  readonly position: Position;
  readonly reason: GapReason;
}

/** The same for mailboxes; `attachment` counts up for each `attach` of a device. */
export type MailHappening =
  | { readonly kind: 'posting'; readonly mailbox: Tag; readonly id: string }
  | { readonly kind: 'posted'; readonly mailbox: Tag; readonly id: string }
  | {
      readonly kind: 'attached';
      readonly mailbox: Tag;
      readonly attachment: number;
      readonly epoch: string;
      /** Place in the history at which it was asked for. */
      readonly askedAt: number;
    }
  | {
      readonly kind: 'delivered';
      readonly mailbox: Tag;
      readonly attachment: number;
      readonly epoch: string;
      readonly seq: number;
      readonly id: string;
    }
  | {
      readonly kind: 'acked';
      readonly mailbox: Tag;
      readonly attachment: number;
      readonly epoch: string;
      readonly seq: number;
      readonly askedAt: number;
    }
  /** Told that a newer connection took over, at a time when `newest` was the last attachment asked for. */
  | {
      readonly kind: 'detached';
      readonly mailbox: Tag;
      readonly attachment: number;
      readonly newest: number;
    }
  /** Everything was acked, and nothing more came. */
  | { readonly kind: 'emptied'; readonly mailbox: Tag };

/** Longest history that is kept: about 100 bytes each. A run that reaches it ends, and fails. */
export const HISTORY_MAX = 4_000_000;

/** Grows by one happening at a time. */
export class History {
  readonly happenings: Happening[] = [];

  get length(): number {
    return this.happenings.length;
  }

  get isFull(): boolean {
    return this.happenings.length >= HISTORY_MAX;
  }

  add(happening: Happening): void {
    if (!this.isFull) this.happenings.push(happening);
  }
}
