/** What the edge answers, and whether it did: the client reads only the fields it uses and ignores others. */
import { isTag } from '../codec.ts';
import { type FailureCode, isFailureCode } from '../failures.ts';
import type { Tag } from '../frame.ts';
import type { Verb } from '../token.ts';

export interface SignedUp {
  readonly userId: string;
}
export interface SignedIn {
  readonly sessionId: string;
  readonly accessToken: string;
  readonly accessExpiresInMs: number;
}
/** Answer to `POST /v1/totp/step-up`. */
export type SteppedUp = Pick<SignedIn, 'accessToken' | 'accessExpiresInMs'>;

/** A session of the account; days are UTC. */
export interface OwnSession {
  readonly sessionId: string;
  readonly deviceId: string;
  readonly createdOn: string;
  readonly renewedOn: string;
  /** The one that asked. */
  readonly isCurrent: boolean;
}
export interface OwnDevice {
  readonly deviceId: string;
  /** The one that asked. */
  readonly isCurrent: boolean;
}
/** Answer to `GET /v1/channel-list`. */
export interface StoredList {
  /** 0 when there is none. */
  readonly version: number;
  readonly data?: string;
}
/** Answer to `POST /v1/recovery/permit`. */
export interface Permit {
  /** The newest of the key log. */
  readonly entry: string;
  readonly permit: string;
}
/** Answer to `POST /v1/totp`. */
export interface Enrolment {
  /** To be typed, as base32. */
  readonly secret: string;
  /** `otpauth:` URI, to be shown as a QR code. */
  readonly uri: string;
  readonly expiresInMs: number;
}

export interface NewChannelAnswer {
  readonly channelId: string;
}
export interface NewMemberAnswer {
  readonly member: Tag;
}
/** A channel the caller may use, under the names the nodes know. */
export interface Granted {
  readonly channelId: string;
  readonly channel: Tag;
  /** The caller's own member tag there: what its publications are from. */
  readonly member: Tag;
  readonly verbs: readonly Verb[];
}
/** Answer to `POST /v1/connect`. */
export interface Admission {
  /** Best first. */
  readonly origins: readonly { readonly node: string; readonly url: string }[];
  /** The same through the edge. */
  readonly socketUrl: string;
  readonly ticket: string;
  readonly ticketExpiresInMs: number;
  readonly grants?: string;
  readonly grantsExpireInMs?: number;
  readonly channels: readonly Granted[];
  readonly refused: readonly { readonly channelId: string; readonly code: FailureCode }[];
}

/** Answer to `POST /v1/keys/log`. */
export interface Appended {
  readonly sequence: number;
}
export interface History {
  readonly entries: readonly string[];
}
export interface Stock {
  /** Number of the device's last upload. */
  readonly version: number;
  /** One-time packages that are left. */
  readonly stock: number;
  readonly isLow: boolean;
}
/** Answer to `POST /v1/keys/lookup`. Nothing of it is verified but `entry`, and that by whoever reads it. */
export interface Directory {
  readonly users: readonly DirectoryUser[];
  readonly grants?: string;
  readonly grantsExpireInMs?: number;
}
export interface DirectoryUser {
  readonly userId: string;
  readonly entry: string;
  readonly devices: readonly {
    readonly deviceId: string;
    readonly mailbox: Tag;
    readonly package?: string;
    readonly isLastResort?: boolean;
  }[];
}

export function isAppended(value: unknown): value is Appended {
  return Number.isSafeInteger(fields(value).sequence);
}

export function isHistory(value: unknown): value is History {
  const { entries } = fields(value);
  return Array.isArray(entries) && entries.every(isText);
}

export function isStock(value: unknown): value is Stock {
  const { version, stock, isLow } = fields(value);
  return Number.isSafeInteger(version) && Number.isSafeInteger(stock) && typeof isLow === 'boolean';
}

export function isDirectory(value: unknown): value is Directory {
  const { users, grants, grantsExpireInMs } = fields(value);
  return (
    isListOf(users, isDirectoryUser) &&
    (grants === undefined || (isText(grants) && isDuration(grantsExpireInMs)))
  );
}

/** An answer of which nothing is read. */
export function isDone(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function isDirectoryUser({ userId, entry, devices }: Record<string, unknown>): boolean {
  return (
    isText(userId) &&
    isText(entry) &&
    isListOf(
      devices,
      ({ deviceId, mailbox, package: item }) =>
        isText(deviceId) && isTag(mailbox) && (item === undefined || isText(item)),
    )
  );
}

export function isSignedUp(value: unknown): value is SignedUp {
  return isText(fields(value).userId);
}

export function isSignedIn(value: unknown): value is SignedIn {
  const { sessionId, accessToken, accessExpiresInMs } = fields(value);
  return isText(sessionId) && isText(accessToken) && isDuration(accessExpiresInMs);
}

export function isSteppedUp(value: unknown): value is SteppedUp {
  const { accessToken, accessExpiresInMs } = fields(value);
  return isText(accessToken) && isDuration(accessExpiresInMs);
}

export function isOwnSessions(value: unknown): value is { readonly sessions: readonly OwnSession[] } {
  return isListOf(
    fields(value).sessions,
    ({ sessionId, deviceId, createdOn, renewedOn, isCurrent }) =>
      [sessionId, deviceId, createdOn, renewedOn].every(isText) && typeof isCurrent === 'boolean',
  );
}

export function isOwnDevices(value: unknown): value is { readonly devices: readonly OwnDevice[] } {
  return isListOf(
    fields(value).devices,
    ({ deviceId, isCurrent }) => isText(deviceId) && typeof isCurrent === 'boolean',
  );
}

/** What the owner may make of a member. */
export type MemberRole = 'owner' | 'moderator' | 'service' | 'member';

export interface BanOrder {
  readonly userIds: readonly string[];
  /** Last day of the ban, UTC; for good without. */
  readonly until?: string;
  /** Compact JWE (RFC 7516) that only moderators can open: who, whom, why. */
  readonly statement?: string;
}

/** Bans in force; what is not in the statement, nobody knows. */
export interface BanList {
  readonly bans: readonly { readonly ban: string; readonly statement?: string; readonly until?: string }[];
  readonly isWhole: boolean;
}

export function isBanList(value: unknown): value is BanList {
  const { bans, isWhole } = fields(value);
  const isOptional = (part: unknown) => part === undefined || isText(part);
  return (
    isListOf(bans, ({ ban, statement, until }) => isText(ban) && [statement, until].every(isOptional)) &&
    typeof isWhole === 'boolean'
  );
}

/** An invitation to a channel, for a link (invitation-link.ts). */
export interface MadeInvitation {
  readonly invitation: string;
  /** What it is listed and revoked by. */
  readonly tag: string;
  readonly expiresInMs: number;
}
/** A block as it is listed. */
export interface ListedBlock {
  readonly block: string;
  /** As it was placed; empty for none. */
  readonly note: string;
}
/** An invitation that lets somebody in. */
export interface ListedInvitation {
  readonly tag: string;
  readonly uses: number;
  readonly used: number;
  readonly lastDay: string;
}
export interface InvitationOrder {
  /** How many people it may let in, 1 to 1,000. */
  readonly uses: number;
  /** How long, a minute to 30 days. */
  readonly lifeMs: number;
}

export function isMadeInvitation(value: unknown): value is MadeInvitation {
  const { invitation, tag, expiresInMs } = fields(value);
  return isText(invitation) && isTag(tag) && isDuration(expiresInMs);
}

export function isInvitationList(
  value: unknown,
): value is { readonly invitations: readonly ListedInvitation[] } {
  return isListOf(
    fields(value).invitations,
    ({ tag, uses, used, lastDay }) => isTag(tag) && isDuration(uses) && isDuration(used) && isText(lastDay),
  );
}

export function isBlockList(value: unknown): value is { readonly blocks: readonly ListedBlock[] } {
  return isListOf(fields(value).blocks, ({ block, note }) => isTag(block) && isText(note));
}

export function isStoredList(value: unknown): value is StoredList {
  const { version, data } = fields(value);
  return Number.isSafeInteger(version) && (data === undefined || isText(data));
}

export function isPermit(value: unknown): value is Permit {
  const { entry, permit } = fields(value);
  return isText(entry) && isText(permit);
}

export function isEnrolment(value: unknown): value is Enrolment {
  const { secret, uri, expiresInMs } = fields(value);
  return isText(secret) && isText(uri) && isDuration(expiresInMs);
}

export function isConfirmed(value: unknown): value is { readonly recoveryCodes: readonly string[] } {
  const { recoveryCodes } = fields(value);
  return Array.isArray(recoveryCodes) && recoveryCodes.every(isText);
}

export function isNewChannel(value: unknown): value is NewChannelAnswer {
  return isText(fields(value).channelId);
}

export function isNewMember(value: unknown): value is NewMemberAnswer {
  return isTag(fields(value).member);
}

export function isAdmission(value: unknown): value is Admission {
  const { origins, socketUrl, ticket, ticketExpiresInMs, grants, grantsExpireInMs, channels, refused } =
    fields(value);
  return (
    isListOf(origins, ({ node, url }) => isText(node) && isSocketUrl(url)) &&
    isSocketUrl(socketUrl) &&
    isText(ticket) &&
    isDuration(ticketExpiresInMs) &&
    (grants === undefined || (isText(grants) && isDuration(grantsExpireInMs))) &&
    isListOf(channels, isGranted) &&
    isListOf(refused, ({ channelId, code }) => isText(channelId) && isFailureCode(code))
  );
}

function isGranted({ channelId, channel, member, verbs }: Record<string, unknown>): boolean {
  return isText(channelId) && isTag(channel) && isTag(member) && Array.isArray(verbs) && verbs.every(isText);
}

function fields(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function isListOf(value: unknown, isItem: (item: Record<string, unknown>) => boolean): boolean {
  return Array.isArray(value) && value.every((item) => isItem(fields(item)));
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isDuration(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function isSocketUrl(value: unknown): value is string {
  return isText(value) && /^wss?:\/\//.test(value);
}

/** A message as its publication has it, without what it says. */
export interface RelayedMessage {
  readonly message: string;
  readonly from: string;
  readonly commitment: string;
  readonly stamp: string;
}

/** The edge's word, for moderators, that it was relayed. */
export interface Attested {
  readonly attestation: string;
}

export function isAttested(value: unknown): value is Attested {
  return isText(fields(value).attestation);
}
