/** Bans and blocks: who is out, and who is as if not there for somebody (calls.ts). */
import type { Tag } from '../frame.ts';
import type { Day } from './records.ts';

/** A ban as it is stored: nothing in it tells whom it is about without the key of its version. */
export interface BanRow {
  readonly ban: Tag;
  readonly keyVersion: number;
  /** JWE that only moderators can open. */
  readonly statement: string | null;
  /** Last day; null for good. */
  readonly expiresOn: Day | null;
}
/** Most users one account may block. */
export const BLOCKS_MAX = 1_000;
/** Longest note of a block. */
export const BLOCK_NOTE_CHARS_MAX = 1_024;
/** `note` is '' for none; a repeat takes the place of the note before. */
export type BlockChange = { readonly account: Tag; readonly block: Tag } & (
  | { readonly what: 'place'; readonly note: string }
  | { readonly what: 'lift' }
);
/** `full`: the account blocks BLOCKS_MAX; `missing`: there is no such account. */
export interface BlockChanged {
  readonly result: 'changed' | 'full' | 'missing';
}
export interface BlocksRequest {
  readonly account: Tag;
}
export interface BlockRow {
  readonly block: Tag;
  readonly note: string | null;
}
export interface Blocks {
  readonly blocks: readonly BlockRow[];
}
/** Most versions of a key that bans are looked for under. */
export const BAN_KEYS_MAX = 8;
/** At most as many blocks as users in one look-up; service-wide bans of the same ones, under every key. */
export interface BlockSearch {
  readonly blocks: readonly Tag[];
  readonly bans: readonly Tag[];
}
export interface BlocksFound {
  readonly found: readonly Tag[];
}
/** Service-wide bans, and the accounts whose sessions end with them. */
export interface BansChange {
  readonly accounts: readonly Tag[];
  readonly bans: readonly BanRow[];
  readonly lifted: readonly Tag[];
}
/** Sessions that ended, now or by an earlier call of these days. */
export interface BansChanged {
  readonly sessions: readonly Tag[];
}
/** Bans in force, by tag; service-wide ones without a channel. */
export interface BansRequest {
  readonly channel?: Tag;
  readonly after: string;
}
export interface BanPage {
  readonly bans: readonly BanRow[];
  readonly isWhole: boolean;
}
/** Most memberships, or bans, changed in one call. */
export const MODERATION_MAX = 50;
