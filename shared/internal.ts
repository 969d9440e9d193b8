/**
 * What the edge asks of an origin's internal API: the one contract between the two. Everything here is tags and sealed
 * records; an origin can neither read nor forge what is inside. Every call carries an `internal` token (token.ts)
 * bound to its method, path and body.
 *
 * | call | answers |
 * |---|---|
 * | `POST /internal/v1/accounts` NewAccount | AccountWritten |
 * | `POST /internal/v1/sessions` NewSession | Written or FactorRefused |
 * | `POST /internal/v1/renewals` SessionRenewal | Written |
 * | `POST /internal/v1/channels` NewChannel | Written |
 * | `POST /internal/v1/members` NewMember | Written |
 * | `POST /internal/v1/totp` TotpChange | Written or StaleTotp |
 * | `POST /internal/v1/attempts` NewAttempt | AttemptAnswer |
 * | `POST /internal/v1/devices` NewDevice | DeviceWritten |
 * | `POST /internal/v1/revocations` Revocation | Revoked |
 * | `POST /internal/v1/recoveries` Recovery | Recovered |
 * | `POST /internal/v1/belongings` BelongingsRequest | Belongings (a read) |
 * | `POST /internal/v1/key-log` NewLogEntry | LogWritten |
 * | `POST /internal/v1/key-log/read` LogPageRequest | LogPage (a read) |
 * | `POST /internal/v1/key-packages` NewPackages | PackagesWritten |
 * | `POST /internal/v1/key-packages/stock` StockRequest | Stock (a read) |
 * | `POST /internal/v1/key-packages/claim` PackageClaim | ClaimedPackages |
 * | `POST /internal/v1/channel-lists` NewChannelList | ListWritten |
 * | `POST /internal/v1/channel-lists/read` ListRequest | ChannelList (a read) |
 * | `POST /internal/v1/memberships` MembersChange | MembersChanged |
 * | `POST /internal/v1/channel-deletions` ChannelDeletion | ChannelDeleted |
 * | `POST /internal/v1/channel-invitations` ChannelInvitationChange | ChannelInvitationChanged |
 * | `POST /internal/v1/channel-invitations/read` ChannelInvitationsRequest | ChannelInvitations (a read) |
 * | `POST /internal/v1/blocks` BlockChange | BlockChanged |
 * | `POST /internal/v1/blocks/list` BlocksRequest | Blocks (a read) |
 * | `POST /internal/v1/blocks/find` BlockSearch | BlocksFound (a read) |
 * | `POST /internal/v1/bans` BansChange | BansChanged |
 * | `POST /internal/v1/bans/read` BansRequest | BanPage (a read) |
 * | `POST /internal/v1/publications` NewPublication | PublicationWritten (its id makes a repeat harmless, not a mark) |
 * | `POST /internal/v1/mail` NewMail | MailWritten (its ids make a repeat harmless, not a mark) |
 * | `POST /internal/v1/attendances` AttendanceRequest | AttendanceCount (a read) |
 * | `POST /internal/v1/read` ReadRequest | ReadAnswer (a read; needs no one-time mark) |
 * | `GET /internal/v1/nodes` | NodesAnswer (a read) |
 *
 * Writes are idempotent by tag: the first one creates, a repeat answers `exists` and changes nothing. Failures come as
 * problem details (failure.ts).
 */
import type { SendItem, SentItem, Tag } from './frame.ts';
import type { Position } from './position.ts';

export const INTERNAL_PATHS = Object.freeze({
  accounts: '/internal/v1/accounts',
  sessions: '/internal/v1/sessions',
  renewals: '/internal/v1/renewals',
  channels: '/internal/v1/channels',
  members: '/internal/v1/members',
  totp: '/internal/v1/totp',
  attempts: '/internal/v1/attempts',
  devices: '/internal/v1/devices',
  revocations: '/internal/v1/revocations',
  recoveries: '/internal/v1/recoveries',
  belongings: '/internal/v1/belongings',
  keyLog: '/internal/v1/key-log',
  keyLogPages: '/internal/v1/key-log/read',
  keyPackages: '/internal/v1/key-packages',
  keyStocks: '/internal/v1/key-packages/stock',
  keyClaims: '/internal/v1/key-packages/claim',
  channelLists: '/internal/v1/channel-lists',
  channelListReads: '/internal/v1/channel-lists/read',
  memberships: '/internal/v1/memberships',
  channelDeletions: '/internal/v1/channel-deletions',
  channelInvitations: '/internal/v1/channel-invitations',
  channelInvitationReads: '/internal/v1/channel-invitations/read',
  blocks: '/internal/v1/blocks',
  blockLists: '/internal/v1/blocks/list',
  blockSearches: '/internal/v1/blocks/find',
  bans: '/internal/v1/bans',
  banReads: '/internal/v1/bans/read',
  publications: '/internal/v1/publications',
  mail: '/internal/v1/mail',
  attendances: '/internal/v1/attendances',
  read: '/internal/v1/read',
  nodes: '/internal/v1/nodes',
});

/** Authenticated ciphertext made by the edge: base64url, at most 8 KiB, behind a key version. */
export type Sealed = string;
/** Largest body of a call: the largest one the edge takes (`LIMITS.bodyBytes`), sealed, which makes it less than twice as long. */
export const INTERNAL_BODY_BYTES = 128 * 1024;
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

/**
 * The next entry of an account's key log, asked for by the session `by`. `link` is the tag of its hash, `previous` that of
 * the entry before, absent for the first; `devices` are all it names.
 */
export interface NewLogEntry {
  readonly account: Tag;
  readonly by: Tag;
  readonly sequence: number;
  readonly link: Tag;
  readonly previous?: Tag;
  readonly devices: readonly Tag[];
  readonly sealed: Sealed;
}
/**
 * `exists`: this very entry was appended before, and is the newest. `stale`: the log does not end with `previous`. `missing`:
 * it names a device the account does not have. `refused`: the asking session does not live.
 */
export interface LogWritten {
  readonly result: 'created' | 'exists' | 'stale' | 'missing' | 'refused';
}
export interface LogPageRequest {
  readonly account: Tag;
  /** Number of the last entry the reader has; 0 for none. */
  readonly after: number;
}
/** The next entries in order, at most `LIMITS.keyLogEntriesPerPage`, each with its number as version. */
export interface LogPage {
  readonly entries: readonly StoredRecord[];
}

/**
 * Key packages of a device, asked for by its session `by`. `version` counts the device's uploads: the same upload is never
 * carried out twice, so no package that was handed out comes back. A `list` holds what fits one identity key: packages of
 * another list than the newest upload's are gone, and with `isReplacing` those of this list, too.
 */
export interface NewPackages {
  readonly account: Tag;
  readonly device: Tag;
  readonly by: Tag;
  readonly version: number;
  readonly list: Tag;
  readonly packages: readonly Sealed[];
  /** Takes the place of the one there is. */
  readonly lastResort?: Sealed;
  readonly isReplacing: boolean;
}
/**
 * `stale`: `version` is not one more than the stored one, which the answer tells. `full`: there would be more packages than
 * a device may have. `refused`: the asking session does not live or is another device's.
 */
export interface PackagesWritten extends Stock {
  readonly result: 'created' | 'exists' | 'stale' | 'full' | 'refused';
}
export interface StockRequest {
  readonly device: Tag;
}
export interface Stock {
  /** Number of the newest upload; 0 before the first. */
  readonly version: number;
  /** Packages that nobody has claimed yet. */
  readonly left: number;
}
/** Takes up to `most` packages out of each list, for good: none is ever given out again. */
export interface PackageClaim {
  readonly lists: readonly Tag[];
  readonly most: number;
}
/** By list, oldest first; a last resort only where there is no package. */
export interface ClaimedPackages {
  readonly packages: Readonly<Record<Tag, readonly Sealed[]>>;
  readonly lastResorts: Readonly<Record<Tag, Sealed>>;
}
/** Most lists in one claim, and most packages in its answer: with the largest ones it has just over a megabyte. */
export const CLAIM_MAX = 128;

/** The list of an account's channels, encrypted by its devices (base64url), written by the session `by`. */
export interface NewChannelList {
  readonly account: Tag;
  readonly by: Tag;
  readonly version: number;
  readonly data: string;
}
/**
 * `exists`: this very list is the newest already. `stale`: `version` is not one more than the stored one, which the answer
 * tells. `refused`: the asking session does not live.
 */
export interface ListWritten {
  readonly result: 'created' | 'exists' | 'stale' | 'refused';
  readonly version: number;
}
export interface ListRequest {
  readonly account: Tag;
}
export interface ChannelList {
  /** 0, with empty data, when there is none. */
  readonly version: number;
  readonly data: string;
}

/** One membership as it shall be; `version` is the one after what is stored, 1 where nothing is. */
export interface MemberChange {
  readonly member: Tag;
  readonly sealed: Sealed;
  readonly version: number;
  /** The right that ends with the change, at live sockets too. */
  readonly revokes?: Tag;
}
/** A ban as it is stored: nothing in it tells whom it is about without the key of its version. */
export interface BanRow {
  readonly ban: Tag;
  readonly keyVersion: number;
  /** JWE that only moderators can open. */
  readonly statement: string | null;
  /** Last day; null for good. */
  readonly expiresOn: Day | null;
}
/** All or nothing. */
export interface MembersChange {
  readonly channel: Tag;
  readonly members: readonly MemberChange[];
  readonly bans?: readonly BanRow[];
  readonly lifted?: readonly Tag[];
  /** Bans in force that forbid the change. */
  readonly unless?: readonly Tag[];
  /** The change is one use of this invitation, which may have so many; it is counted with the change. */
  readonly redeems?: { readonly invitation: Tag; readonly uses: number };
}
/**
 * `stale`: a record was changed meanwhile; `barred`: one of `unless` is in force; `refused`: the invitation lets nobody in, or
 * nobody any more; `missing`: there is no such channel.
 */
export interface MembersChanged {
  readonly result: 'changed' | 'stale' | 'barred' | 'refused' | 'missing';
}
/** The end of a channel: members, invitations, log; bans in force stay. Its tag is revoked, so that no grant opens it again. */
export interface ChannelDeletion {
  readonly channel: Tag;
}
/** Most members whose tags are answered; copies of further ones go by themselves, three days later at the latest. */
export const DELETED_MEMBERS_MAX = 4_000;
/** `missing`: there is no such channel, or not any more. */
export interface ChannelDeleted {
  readonly result: 'deleted' | 'missing';
  /** Those who were its members. */
  readonly members: readonly Tag[];
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
/** An invitation to a channel, which lets people in until it is used up, revoked, or its last day has passed. */
export type ChannelInvitationChange = { readonly channel: Tag; readonly invitation: Tag } & (
  | { readonly what: 'make'; readonly uses: number; readonly expiresOn: Day }
  | { readonly what: 'revoke' }
);
/** Made or revoked before counts as `changed`. `full`: the channel has CHANNEL_INVITATIONS_MAX; `missing`: there is no such channel. */
export interface ChannelInvitationChanged {
  readonly result: 'changed' | 'full' | 'missing';
}
export interface ChannelInvitationsRequest {
  readonly channel: Tag;
}
/** Those that let people in, by tag. */
export interface ChannelInvitations {
  readonly invitations: readonly ChannelInvitation[];
}
export interface ChannelInvitation {
  readonly invitation: Tag;
  readonly uses: number;
  /** How many it has let in. */
  readonly used: number;
  readonly expiresOn: Day;
}
/** Most invitations of one channel at a time. */
export const CHANNEL_INVITATIONS_MAX = 100;
/** Most people one of them may let in. */
export const CHANNEL_INVITATION_USES_MAX = 1_000;
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
/** Ciphertext of a service account, published in a channel as one of its members. */
export interface NewPublication {
  readonly channel: Tag;
  readonly member: Tag;
  readonly id: string;
  /** base64url. */
  readonly data: string;
  /** Goes to whoever is there, and into no log. */
  readonly ephemeral?: boolean;
  readonly ifCommit?: Position;
}
/** Without a position: it was ephemeral. */
export interface PublicationWritten {
  readonly outcome: 'accepted' | 'duplicate' | 'conflict';
  readonly position?: Position;
}
/** Ciphertext for mailboxes, whose grants the edge has checked. */
export interface NewMail {
  readonly sender: Tag;
  readonly items: readonly SendItem[];
}
/** Each item's own verdict, in the order of the request. */
export interface MailWritten {
  readonly items: readonly SentItem[];
}
/** How many members of a channel show that they are there. */
export interface AttendanceRequest {
  readonly channel: Tag;
}
export interface AttendanceCount {
  readonly present: number;
}

/** Most memberships, or bans, changed in one call. */
export const MODERATION_MAX = 50;

export interface NodeInfo {
  readonly node: string;
  /** Public WebSocket URL of the node, `ws:` or `wss:`, without path. */
  readonly url: string;
  readonly connections: number;
  /** Share of what the node can hold, 0 to 1; a node of a release that did not tell it counts as empty. */
  readonly fullness?: number;
  readonly isDraining: boolean;
}
export interface NodesAnswer {
  readonly nodes: readonly NodeInfo[];
}
