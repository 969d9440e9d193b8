/** Accounts, sessions and second factors, as the edge writes them at an origin (calls.ts). */
import type { Tag } from '../frame.ts';
import type { Day, Sealed, StoredRecord, Written } from './records.ts';

export interface NewAccount {
  readonly account: Tag;
  readonly sealed: Sealed;
  readonly createdOn: Day;
  readonly device: { readonly device: Tag; readonly sealed: Sealed };
  /** What the account signs up with, where the policy asks for one. */
  readonly invitation?: InvitationUse;
}
/** One use of a sign-up invitation, counted in the transaction that creates the account. */
export interface InvitationUse {
  readonly invitation: Tag;
  /** Accounts it may let in, 1 to INVITATION_USES_MAX. */
  readonly uses: number;
  readonly expiresOn: Day;
}
/** Most accounts one invitation may let in. */
export const INVITATION_USES_MAX = 1_000;
/**
 * `used-up`: the invitation has let in as many as it may; nothing was created. An account that is there is `exists` for its
 * devices, and `taken` for every other device.
 */
export type AccountWritten = Written | { readonly result: 'used-up' | 'taken' };
export interface NewSession {
  readonly session: Tag;
  readonly device: Tag;
  readonly account: Tag;
  readonly sealed: Sealed;
  readonly expiresOn: Day;
  /** Absent: the account has no TOTP record. */
  readonly factor?: Factor;
  /** Service-wide bans in force that forbid it: `missing` then. */
  readonly unless?: readonly Tag[];
}
/** `created`: it took the older record's place · `exists`: the stored one is as new, or newer. */
export interface SessionRenewal {
  readonly session: Tag;
  readonly device: Tag;
  readonly sealed: Sealed;
  readonly version: number;
}
/**
 * The second factor as the edge judged it. Nothing is done unless `version` is that of the stored TOTP record (0: there
 * is none), so the edge may judge by a copy. Without `attempt` the record does not ask for a second factor.
 */
export interface Factor {
  readonly version: number;
  readonly attempt?: Attempt;
}
/**
 * An attempt counts only while the device's failures in a row led to no more locks (lockout.ts) than the `seen` ones the
 * edge knows of, and there are less than `failuresMax`. Of all that run at once, so many are judged and no more.
 */
export interface Attempt {
  readonly seen: number;
  readonly proof: Proof;
}
/**
 * `step`: the code was right; good when `mark` was not used before, which uses up `earlier` as well. `recovery`: good
 * when the account has this code, once. `wrong`: counts a failure, and so does an unknown recovery code.
 */
export type Proof =
  | { readonly kind: 'step'; readonly mark: Tag; readonly earlier: Tag }
  | { readonly kind: 'recovery'; readonly code: Tag }
  | { readonly kind: 'wrong' };
/** An attempt outside of a sign-in. */
export interface NewAttempt {
  readonly account: Tag;
  readonly device: Tag;
  readonly version: number;
  readonly attempt: Attempt;
}
/** Another version than the one that was named is stored: this one, or none. Nothing was done. */
export interface StaleTotp {
  readonly result: 'stale';
  readonly totp: StoredRecord | null;
}
/** `refused`: the attempt was not good, or did not count; `failures` in a row as they are now. */
export type FactorRefused = StaleTotp | { readonly result: 'refused'; readonly failures: number };
export type SessionWritten = Written | FactorRefused;
export type AttemptAnswer = { readonly result: 'passed' | 'missing' } | FactorRefused;
/**
 * The next TOTP record of an account: `version` is one more than the stored one's. `codes` take the place of all its
 * recovery codes; `used` marks of steps cannot be used any more. A repeat with the same seal answers `exists`.
 */
export interface TotpChange {
  readonly account: Tag;
  readonly sealed: Sealed;
  readonly version: number;
  readonly codes: readonly Tag[];
  readonly used: readonly Tag[];
}
export type TotpWritten = Written | StaleTotp;
/** Most recovery codes an account may have, and most marks a change may use up. */
export const RECOVERY_CODES_MAX = 16;
