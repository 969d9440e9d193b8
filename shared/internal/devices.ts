/** Devices of an account, and how they and what belongs to them end (calls.ts). */
import type { Tag } from '../frame.ts';
import type { Sealed, StoredRecord, StoredSession, Written } from './records.ts';

/** Most devices of one account. */
export const DEVICES_MAX = 6;
/** A further device; `approver` is one of the account that vouches for it. */
export interface NewDevice {
  readonly account: Tag;
  readonly approver: Tag;
  readonly device: Tag;
  readonly sealed: Sealed;
}
/**
 * `missing`: the account has no such approver. `full`: it has DEVICES_MAX devices. `revoked`: this key was one of its
 * devices and was removed in the last days.
 */
export interface DeviceWritten {
  readonly result: Written['result'] | 'full' | 'revoked';
}
/** What to end, asked for by the session `by` of the same account. */
export type Revocation = { readonly account: Tag; readonly by: Tag } & RevocationTarget;
/** `sessions`: every one of the account, or all but one. `device`: with its sessions. `account`: with everything. */
export type RevocationTarget =
  | { readonly what: 'session'; readonly session: Tag }
  | { readonly what: 'sessions'; readonly except?: Tag }
  | { readonly what: 'device-sessions'; readonly device: Tag }
  | { readonly what: 'device'; readonly device: Tag }
  | { readonly what: 'account' };
/**
 * `revoked`: it is ended now, or was by an earlier call. `partly`: some of many sessions are ended, ask again. `missing`:
 * the account has no such thing. `last`: it is the last device. `refused`: the asking session does not live. `sessions`
 * and `devices` are ended, now or in the last days: no copy of them may be used any more.
 */
export interface Revoked {
  readonly result: 'revoked' | 'partly' | 'missing' | 'last' | 'refused';
  readonly sessions: readonly Tag[];
  readonly devices: readonly Tag[];
}
/**
 * Begins an account anew, with one device that it did not have, as the next entry of its key log says. `link` and `previous`
 * are as in NewLogEntry.
 */
export interface Recovery {
  readonly account: Tag;
  readonly device: { readonly device: Tag; readonly sealed: Sealed };
  readonly sequence: number;
  readonly link: Tag;
  readonly previous: Tag;
  readonly sealed: Sealed;
}
/**
 * `exists`: this very entry is the newest already. `stale`: the log does not end with `previous`. `taken`: this key is or was
 * one of the account's devices. `devices` are ended, now or in the last days.
 */
export interface Recovered {
  readonly result: 'created' | 'exists' | 'stale' | 'taken';
  readonly devices: readonly Tag[];
}
export interface BelongingsRequest {
  readonly account: Tag;
}
/** The devices of an account and its newest sessions, by tag. */
export interface Belongings {
  readonly devices: Readonly<Record<Tag, StoredRecord>>;
  readonly sessions: Readonly<Record<Tag, Omit<StoredSession, 'account'>>>;
}
