/** What is stored, and what is read of it: sealed records by tag. See calls.ts. */
import type { Tag } from '../frame.ts';

/** Authenticated ciphertext made by the edge: base64url, at most 8 KiB, behind a key version. */
export type Sealed = string;
/** Longest sealed record either side accepts. */
export const SEALED_MAX_CHARS = 8 * 1024;
/** Most tags in one `read`, over all its tables. */
export const READ_MAX_TAGS = 256;
/** A calendar day in UTC, `2026-11-23`: the finest time an account, device or session is stored with. */
export type Day = string;
/** `exists`: the tag was there before; the stored record is unchanged. `missing`: what it belongs to is not there. */
export interface Written {
  readonly result: 'created' | 'exists' | 'missing';
}
export interface ReadRequest {
  /** Newest entries of key logs, by account. */
  readonly entries?: readonly Tag[];
  /** TOTP records, by account. */
  readonly totp?: readonly Tag[];
  readonly devices?: readonly Tag[];
  readonly sessions?: readonly Tag[];
  readonly members?: readonly Tag[];
}
/** A stored record; `version` counts its rewrites from 1 and is part of what the seal authenticates. */
export interface StoredRecord {
  readonly sealed: Sealed;
  readonly version: number;
}
export interface StoredDevice extends StoredRecord {
  readonly account: Tag;
}
export interface StoredSession extends StoredRecord {
  readonly device: Tag;
  readonly account: Tag;
  readonly expiresOn: Day;
}
export interface StoredMember extends StoredRecord {
  readonly channel: Tag;
}
/** What was found, by tag; a tag that is absent does not exist. */
export interface ReadAnswer {
  /** By account, with its number as version; only there when it was asked for. */
  readonly entries?: Readonly<Record<Tag, StoredRecord>>;
  /** By account; only there when it was asked for. */
  readonly totp?: Readonly<Record<Tag, StoredRecord>>;
  readonly devices: Readonly<Record<Tag, StoredDevice>>;
  readonly sessions: Readonly<Record<Tag, StoredSession>>;
  readonly members: Readonly<Record<Tag, StoredMember>>;
}
