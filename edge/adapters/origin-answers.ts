/**
 * Whether an origin answered what shared/internal/calls.ts promises. An origin is trusted with no more than its answers: what
 * is sealed is checked by its seal, the rest here, so that nothing of another shape gets into the core.
 */
import { isFailureCode } from '../../shared/failures.ts';
import type {
  AccountWritten,
  AttemptAnswer,
  SessionWritten,
  TotpWritten,
} from '../../shared/internal/accounts.ts';
import {
  type BanPage,
  type BansChanged,
  BLOCK_NOTE_CHARS_MAX,
  BLOCKS_MAX,
  type BlockChanged,
  type Blocks,
  type BlocksFound,
} from '../../shared/internal/bans.ts';
import {
  CHANNEL_INVITATIONS_MAX,
  type ChannelDeleted,
  type ChannelInvitationChanged,
  type ChannelInvitations,
  DELETED_MEMBERS_MAX,
  type MembersChanged,
} from '../../shared/internal/channels.ts';
import {
  type Belongings,
  DEVICES_MAX,
  type DeviceWritten,
  type Recovered,
  type Revoked,
} from '../../shared/internal/devices.ts';
import {
  type ChannelList,
  CLAIM_MAX,
  type ClaimedPackages,
  type ListWritten,
  type LogPage,
  type LogWritten,
  type PackagesWritten,
  type Stock,
} from '../../shared/internal/keys.ts';
import { type ReadAnswer, SEALED_MAX_CHARS, type Written } from '../../shared/internal/records.ts';
import type {
  AttendanceCount,
  MailWritten,
  NodesAnswer,
  PublicationWritten,
} from '../../shared/internal/relay.ts';
import { LIMITS } from '../../shared/limits.ts';

type Fields = Readonly<Record<string, unknown>>;

const REVOKED = ['revoked', 'partly', 'missing', 'last', 'refused'];
const RECOVERED = ['created', 'exists', 'stale', 'taken'];
const LIST_WRITTEN = ['created', 'exists', 'stale', 'refused'];
const DATA = /^[A-Za-z0-9_-]{2,}$/;
const LOG_WRITTEN = ['created', 'exists', 'stale', 'missing', 'refused'];
const PACKAGES_WRITTEN = ['created', 'exists', 'stale', 'full', 'refused'];
const TAG = /^[A-Za-z0-9_-]{22}$/;
/** Twice what an origin says of one account: what ended now, and in the last days. */
const TAGS_MAX = 2_000;
const NODE_ID = /^[A-Za-z0-9_.-]{1,64}$/;
/** Far over any fleet; a longer list is no answer of ours. */
const NODES_MAX = 10_000;

export function isWritten(value: unknown): value is Written {
  const { result } = fields(value);
  return result === 'created' || result === 'exists' || result === 'missing';
}

export function isAccountWritten(value: unknown): value is AccountWritten {
  const { result } = fields(value);
  return isWritten(value) || result === 'used-up' || result === 'taken';
}

export function isMembersChanged(value: unknown): value is MembersChanged {
  const { result } = fields(value);
  return (
    result === 'changed' ||
    result === 'stale' ||
    result === 'barred' ||
    result === 'refused' ||
    result === 'missing'
  );
}

export function isBlockChanged(value: unknown): value is BlockChanged {
  const { result } = fields(value);
  return result === 'changed' || result === 'full' || result === 'missing';
}

export function isBlocks(value: unknown): value is Blocks {
  const { blocks } = fields(value);
  return Array.isArray(blocks) && blocks.length <= BLOCKS_MAX && blocks.every(isBlock);
}

function isBlock(value: unknown): boolean {
  const { block, note } = fields(value);
  const isNote =
    typeof note === 'string' && note.length <= BLOCK_NOTE_CHARS_MAX && /^[A-Za-z0-9_-]+$/.test(note);
  return isTag(block) && (note === null || isNote);
}

export function isBlocksFound(value: unknown): value is BlocksFound {
  const { found } = fields(value);
  return Array.isArray(found) && found.length <= LIMITS.usersPerLookup && found.every(isTag);
}

export function isChannelDeleted(value: unknown): value is ChannelDeleted {
  const { result, members } = fields(value);
  if (result !== 'deleted' && result !== 'missing') return false;
  return Array.isArray(members) && members.length <= DELETED_MEMBERS_MAX && members.every(isTag);
}

export function isChannelInvitationChanged(value: unknown): value is ChannelInvitationChanged {
  const { result } = fields(value);
  return result === 'changed' || result === 'full' || result === 'missing';
}

export function isChannelInvitations(value: unknown): value is ChannelInvitations {
  const { invitations } = fields(value);
  return (
    Array.isArray(invitations) &&
    invitations.length <= CHANNEL_INVITATIONS_MAX &&
    invitations.every(isChannelInvitation)
  );
}

function isChannelInvitation(value: unknown): boolean {
  const { invitation, uses, used, expiresOn } = fields(value);
  const isCount = (count: unknown) => Number.isSafeInteger(count) && Number(count) >= 0;
  return isTag(invitation) && isCount(uses) && isCount(used) && typeof expiresOn === 'string';
}

export function isBanPage(value: unknown): value is BanPage {
  const { bans, isWhole } = fields(value);
  return Array.isArray(bans) && bans.length <= BANS_MAX && bans.every(isBan) && typeof isWhole === 'boolean';
}

export function isPublicationWritten(value: unknown): value is PublicationWritten {
  const { outcome, position } = fields(value);
  const isOutcome = outcome === 'accepted' || outcome === 'duplicate' || outcome === 'conflict';
  return isOutcome && (position === undefined || isPosition(position));
}

export function isMailWritten(value: unknown): value is MailWritten {
  const { items } = fields(value);
  return Array.isArray(items) && items.every(isSentItem);
}

function isSentItem(value: unknown): boolean {
  const { mailbox, code } = fields(value);
  return typeof mailbox === 'string' && (code === undefined || isFailureCode(code));
}

function isPosition(value: unknown): boolean {
  const { epoch, offset } = fields(value);
  return typeof epoch === 'string' && epoch.length <= 64 && Number.isSafeInteger(offset);
}

export function isAttendanceCount(value: unknown): value is AttendanceCount {
  const { present } = fields(value);
  return Number.isSafeInteger(present) && Number(present) >= 0;
}

/** Fifty accounts with a hundred sessions each, and as many that ended before. */
const ENDED_MAX = 10_500;

export function isBansChanged(value: unknown): value is BansChanged {
  const { sessions } = fields(value);
  return Array.isArray(sessions) && sessions.length <= ENDED_MAX && sessions.every(isTag);
}

/** Far more than an origin puts into one answer. */
const BANS_MAX = 1_000;

function isBan(value: unknown): boolean {
  const { ban, statement, expiresOn } = fields(value);
  const isText = (part: unknown) => part === null || typeof part === 'string';
  return typeof ban === 'string' && isText(statement) && isText(expiresOn);
}

export function isTotpWritten(value: unknown): value is TotpWritten {
  return isWritten(value) || isStale(value);
}

export function isSessionWritten(value: unknown): value is SessionWritten {
  return isTotpWritten(value) || isRefused(value);
}

export function isAttemptAnswer(value: unknown): value is AttemptAnswer {
  const { result } = fields(value);
  return result === 'passed' || result === 'missing' || isStale(value) || isRefused(value);
}

export function isDeviceWritten(value: unknown): value is DeviceWritten {
  const { result } = fields(value);
  return isWritten(value) || result === 'full' || result === 'revoked';
}

export function isRevoked(value: unknown): value is Revoked {
  const { result, sessions, devices } = fields(value);
  return typeof result === 'string' && REVOKED.includes(result) && [sessions, devices].every(isTags);
}

export function isRecovered(value: unknown): value is Recovered {
  const { result, devices } = fields(value);
  return typeof result === 'string' && RECOVERED.includes(result) && isTags(devices);
}

export function isBelongings(value: unknown): value is Belongings {
  const { devices, sessions } = fields(value);
  if (!isObject(devices) || !isObject(sessions)) return false;
  if (Object.keys(devices).length > DEVICES_MAX) return false;
  return (
    Object.values(devices).every(isRecord) &&
    Object.values(sessions).every((session) => isRecord(session) && isTag(fields(session).device))
  );
}

export function isReadAnswer(value: unknown): value is ReadAnswer {
  const { devices, sessions, members, totp = {}, entries = {} } = fields(value);
  return [devices, sessions, members, totp, entries].every(
    (table) => isObject(table) && Object.values(table).every(isRecord),
  );
}

export function isLogWritten(value: unknown): value is LogWritten {
  const { result } = fields(value);
  return typeof result === 'string' && LOG_WRITTEN.includes(result);
}

export function isLogPage(value: unknown): value is LogPage {
  const { entries } = fields(value);
  return Array.isArray(entries) && entries.length <= LIMITS.keyLogEntriesPerPage && entries.every(isRecord);
}

export function isPackagesWritten(value: unknown): value is PackagesWritten {
  const { result } = fields(value);
  return typeof result === 'string' && PACKAGES_WRITTEN.includes(result) && isStock(value);
}

export function isStock(value: unknown): value is Stock {
  const { version, left } = fields(value);
  return Number.isSafeInteger(version) && Number.isSafeInteger(left);
}

export function isClaimedPackages(value: unknown): value is ClaimedPackages {
  const { packages, lastResorts } = fields(value);
  if (!isObject(packages) || !isObject(lastResorts)) return false;
  const lists = Object.values(packages);
  return (
    lists.every((list) => Array.isArray(list) && list.every(isSealed)) &&
    lists.flat().length <= CLAIM_MAX &&
    Object.values(lastResorts).every(isSealed)
  );
}

export function isListWritten(value: unknown): value is ListWritten {
  const { result, version } = fields(value);
  return typeof result === 'string' && LIST_WRITTEN.includes(result) && Number.isSafeInteger(version);
}

export function isChannelList(value: unknown): value is ChannelList {
  const { version, data } = fields(value);
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 0) return false;
  if (typeof data !== 'string' || data.length > LIMITS.dataChars) return false;
  return version === 0 ? data === '' : DATA.test(data);
}

export function isNodesAnswer(value: unknown): value is NodesAnswer {
  const { nodes } = fields(value);
  return Array.isArray(nodes) && nodes.length <= NODES_MAX && nodes.every(isNode);
}

function isStale(value: unknown): boolean {
  const { result, totp } = fields(value);
  return result === 'stale' && (totp === null || isRecord(totp));
}

function isRefused(value: unknown): boolean {
  const { result, failures } = fields(value);
  return result === 'refused' && Number.isSafeInteger(failures);
}

function isTags(value: unknown): boolean {
  return Array.isArray(value) && value.length <= TAGS_MAX && value.every(isTag);
}

function isTag(value: unknown): boolean {
  return typeof value === 'string' && TAG.test(value);
}

function isRecord(value: unknown): boolean {
  const { sealed, version } = fields(value);
  return isSealed(sealed) && Number.isSafeInteger(version);
}

/** A comma would end it where several stand together. */
function isSealed(value: unknown): boolean {
  return typeof value === 'string' && value.length <= SEALED_MAX_CHARS && !value.includes(',');
}

function isNode(value: unknown): boolean {
  const { node, url, connections, fullness = 0, isDraining } = fields(value);
  return (
    typeof node === 'string' &&
    NODE_ID.test(node) &&
    isSocketUrl(url) &&
    Number.isSafeInteger(connections) &&
    isShare(fullness) &&
    typeof isDraining === 'boolean'
  );
}

function isShare(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= 1;
}

function isSocketUrl(value: unknown): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false;
  const { protocol, host } = new URL(value);
  return (protocol === 'ws:' || protocol === 'wss:') && value === `${protocol}//${host}`;
}

function fields(value: unknown): Fields {
  return isObject(value) ? value : {};
}

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
