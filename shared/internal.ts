/**
 * What the edge asks of an origin's internal API: the one contract between the two. Everything here is tags and sealed
 * records; an origin can neither read nor forge what is inside. Every call carries an `internal` token (token.ts)
 * bound to its method, path and body.
 *
 * | call | answers |
 * |---|---|
 * | `POST /internal/v1/accounts` NewAccount | Written |
 * | `POST /internal/v1/sessions` NewSession | Written |
 * | `POST /internal/v1/channels` NewChannel | Written |
 * | `POST /internal/v1/members` NewMember | Written |
 * | `POST /internal/v1/read` ReadRequest | ReadAnswer (a read; needs no one-time mark) |
 * | `GET /internal/v1/nodes` | NodesAnswer (a read) |
 *
 * Writes are idempotent by tag: the first one creates, a repeat answers `exists` and changes nothing. Failures come as
 * problem details (failure.ts).
 */
import type { Tag } from './frame.ts';

export const INTERNAL_PATHS = Object.freeze({
  accounts: '/internal/v1/accounts',
  sessions: '/internal/v1/sessions',
  channels: '/internal/v1/channels',
  members: '/internal/v1/members',
  read: '/internal/v1/read',
  nodes: '/internal/v1/nodes',
});

/** Authenticated ciphertext made by the edge: base64url, at most 8 KiB, behind a key version. */
export type Sealed = string;
/** Longest sealed record either side accepts. */
export const SEALED_MAX_CHARS = 8 * 1024;
/** Most tags in one `read`, over all its tables. */
export const READ_MAX_TAGS = 256;
/** A calendar day in UTC, `2026-11-23`: the finest time an account, device or session is stored with. */
export type Day = string;

export interface NewAccount {
  readonly account: Tag;
  readonly sealed: Sealed;
  readonly createdOn: Day;
  readonly device: { readonly device: Tag; readonly sealed: Sealed };
}
export interface NewSession {
  readonly session: Tag;
  readonly device: Tag;
  readonly account: Tag;
  readonly sealed: Sealed;
  readonly expiresOn: Day;
}
export interface NewChannel {
  readonly channel: Tag;
  readonly sealed: Sealed;
  readonly createdOn: Day;
  readonly owner: { readonly member: Tag; readonly sealed: Sealed };
}
export interface NewMember {
  readonly channel: Tag;
  readonly member: Tag;
  readonly sealed: Sealed;
}
/** `exists`: the tag was there before; the stored record is unchanged. `missing`: what it belongs to is not there. */
export interface Written {
  readonly result: 'created' | 'exists' | 'missing';
}

export interface ReadRequest {
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
  readonly devices: Readonly<Record<Tag, StoredDevice>>;
  readonly sessions: Readonly<Record<Tag, StoredSession>>;
  readonly members: Readonly<Record<Tag, StoredMember>>;
}

export interface NodeInfo {
  readonly node: string;
  /** Public WebSocket URL of the node, `ws:` or `wss:`, without path. */
  readonly url: string;
  readonly connections: number;
  readonly isDraining: boolean;
}
export interface NodesAnswer {
  readonly nodes: readonly NodeInfo[];
}
