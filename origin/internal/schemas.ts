/** Strict shapes of the internal API's bodies (shared/internal/calls.ts): unknown fields, other types and sizes are refused. */
import * as v from 'valibot';
import { isMessageId } from '../../shared/codec.ts';
import {
  type Attempt,
  type Factor,
  INVITATION_USES_MAX,
  type NewAccount,
  type NewAttempt,
  type NewSession,
  RECOVERY_CODES_MAX,
  type SessionRenewal,
  type TotpChange,
} from '../../shared/internal/accounts.ts';
import {
  BAN_KEYS_MAX,
  type BanRow,
  type BansChange,
  type BansRequest,
  BLOCK_NOTE_CHARS_MAX,
  type BlockChange,
  type BlockSearch,
  type BlocksRequest,
  MODERATION_MAX,
} from '../../shared/internal/bans.ts';
import {
  CHANNEL_INVITATION_USES_MAX,
  type ChannelDeletion,
  type ChannelInvitationChange,
  type ChannelInvitationsRequest,
  type MembersChange,
  type NewChannel,
  type NewMember,
} from '../../shared/internal/channels.ts';
import {
  type BelongingsRequest,
  DEVICES_MAX,
  type NewDevice,
  type Recovery,
  type Revocation,
} from '../../shared/internal/devices.ts';
import {
  CLAIM_MAX,
  type ListRequest,
  type LogPageRequest,
  type NewChannelList,
  type NewLogEntry,
  type NewPackages,
  type PackageClaim,
  type StockRequest,
} from '../../shared/internal/keys.ts';
import { READ_MAX_TAGS, type ReadRequest, SEALED_MAX_CHARS } from '../../shared/internal/records.ts';
import type { AttendanceRequest, NewMail, NewPublication } from '../../shared/internal/relay.ts';
import { LIMITS } from '../../shared/limits.ts';

const tag = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{22}$/));
const sealed = v.pipe(v.string(), v.maxLength(SEALED_MAX_CHARS), v.regex(/^[0-9]{1,4}\.[A-Za-z0-9_-]+$/));
const day = v.pipe(v.string(), v.check(isDay));
const tags = v.pipe(v.array(tag), v.maxLength(READ_MAX_TAGS));
const codes = v.pipe(v.array(tag), v.maxLength(RECOVERY_CODES_MAX));
/** PostgreSQL's integer is the smallest place these numbers go to. */
const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 31 - 2));

const attempt = v.strictObject({
  seen: count,
  proof: v.variant('kind', [
    v.strictObject({ kind: v.literal('step'), mark: tag, earlier: tag }),
    v.strictObject({ kind: v.literal('recovery'), code: tag }),
    v.strictObject({ kind: v.literal('wrong') }),
  ]),
}) satisfies v.GenericSchema<unknown, Attempt>;
const factor = v.strictObject({
  version: count,
  attempt: v.exactOptional(attempt),
}) satisfies v.GenericSchema<unknown, Factor>;

export const newAttempt = v.strictObject({
  account: tag,
  device: tag,
  version: count,
  attempt,
}) satisfies v.GenericSchema<unknown, NewAttempt>;

export const totpChange = v.strictObject({
  account: tag,
  sealed,
  version: v.pipe(count, v.minValue(1)),
  codes,
  used: codes,
}) satisfies v.GenericSchema<unknown, TotpChange>;

export const newAccount = v.strictObject({
  account: tag,
  sealed,
  createdOn: day,
  device: v.strictObject({ device: tag, sealed }),
  invitation: v.exactOptional(
    v.strictObject({
      invitation: tag,
      uses: v.pipe(count, v.minValue(1), v.maxValue(INVITATION_USES_MAX)),
      expiresOn: day,
    }),
  ),
}) satisfies v.GenericSchema<unknown, NewAccount>;

const some = <T>(item: v.GenericSchema<unknown, T>) => v.pipe(v.array(item), v.maxLength(MODERATION_MAX * 4));

export const newSession = v.strictObject({
  session: tag,
  device: tag,
  account: tag,
  sealed,
  expiresOn: day,
  factor: v.exactOptional(factor),
  unless: v.exactOptional(some(tag)),
}) satisfies v.GenericSchema<unknown, NewSession>;

export const sessionRenewal = v.strictObject({
  session: tag,
  device: tag,
  sealed,
  version: v.pipe(count, v.minValue(1)),
}) satisfies v.GenericSchema<unknown, SessionRenewal>;

export const newChannel = v.strictObject({
  channel: tag,
  sealed,
  createdOn: day,
  owner: v.strictObject({ member: tag, sealed }),
}) satisfies v.GenericSchema<unknown, NewChannel>;

export const newMember = v.strictObject({
  channel: tag,
  member: tag,
  sealed,
}) satisfies v.GenericSchema<unknown, NewMember>;

export const newDevice = v.strictObject({
  account: tag,
  approver: tag,
  device: tag,
  sealed,
}) satisfies v.GenericSchema<unknown, NewDevice>;

const asked = { account: tag, by: tag };
export const revocation = v.variant('what', [
  v.strictObject({ ...asked, what: v.literal('session'), session: tag }),
  v.strictObject({ ...asked, what: v.literal('sessions'), except: v.exactOptional(tag) }),
  v.strictObject({ ...asked, what: v.literal('device-sessions'), device: tag }),
  v.strictObject({ ...asked, what: v.literal('device'), device: tag }),
  v.strictObject({ ...asked, what: v.literal('account') }),
]) satisfies v.GenericSchema<unknown, Revocation>;

export const recovery = v.strictObject({
  account: tag,
  device: v.strictObject({ device: tag, sealed }),
  sequence: v.pipe(count, v.minValue(2)),
  link: tag,
  previous: tag,
  sealed,
}) satisfies v.GenericSchema<unknown, Recovery>;

export const newChannelList = v.strictObject({
  account: tag,
  by: tag,
  version: v.pipe(count, v.minValue(1)),
  data: v.pipe(v.string(), v.maxLength(LIMITS.dataChars), v.regex(/^[A-Za-z0-9_-]+$/)),
}) satisfies v.GenericSchema<unknown, NewChannelList>;

export const listRequest = v.strictObject({ account: tag }) satisfies v.GenericSchema<unknown, ListRequest>;

const banRow = v.strictObject({
  ban: tag,
  keyVersion: v.pipe(count, v.minValue(1), v.maxValue(9_999)),
  statement: v.nullable(v.pipe(v.string(), v.maxLength(SEALED_MAX_CHARS), v.regex(/^[A-Za-z0-9_.-]{2,}$/))),
  expiresOn: v.nullable(day),
}) satisfies v.GenericSchema<unknown, BanRow>;

const channelUses = v.pipe(count, v.minValue(1), v.maxValue(CHANNEL_INVITATION_USES_MAX));

export const membersChange = v.strictObject({
  channel: tag,
  members: v.pipe(
    v.array(
      v.strictObject({
        member: tag,
        sealed,
        version: v.pipe(count, v.minValue(1)),
        revokes: v.exactOptional(tag),
      }),
    ),
    v.minLength(1),
    v.maxLength(MODERATION_MAX),
  ),
  bans: v.exactOptional(some(banRow)),
  lifted: v.exactOptional(some(tag)),
  unless: v.exactOptional(some(tag)),
  redeems: v.exactOptional(v.strictObject({ invitation: tag, uses: channelUses })),
}) satisfies v.GenericSchema<unknown, MembersChange>;

export const channelInvitationChange = v.variant('what', [
  v.strictObject({
    what: v.literal('make'),
    channel: tag,
    invitation: tag,
    uses: channelUses,
    expiresOn: day,
  }),
  v.strictObject({ what: v.literal('revoke'), channel: tag, invitation: tag }),
]) satisfies v.GenericSchema<unknown, ChannelInvitationChange>;

const note = v.pipe(v.string(), v.maxLength(BLOCK_NOTE_CHARS_MAX), v.regex(/^[A-Za-z0-9_-]*$/));

export const blockChange = v.variant('what', [
  v.strictObject({ what: v.literal('place'), account: tag, block: tag, note }),
  v.strictObject({ what: v.literal('lift'), account: tag, block: tag }),
]) satisfies v.GenericSchema<unknown, BlockChange>;

export const blocksRequest = v.strictObject({ account: tag }) satisfies v.GenericSchema<
  unknown,
  BlocksRequest
>;

export const blockSearch = v.strictObject({
  blocks: v.pipe(v.array(tag), v.minLength(1), v.maxLength(LIMITS.usersPerLookup)),
  bans: v.pipe(v.array(tag), v.maxLength(LIMITS.usersPerLookup * BAN_KEYS_MAX)),
}) satisfies v.GenericSchema<unknown, BlockSearch>;

export const channelDeletion = v.strictObject({
  channel: tag,
}) satisfies v.GenericSchema<unknown, ChannelDeletion>;

export const channelInvitationsRequest = v.strictObject({
  channel: tag,
}) satisfies v.GenericSchema<unknown, ChannelInvitationsRequest>;

export const bansChange = v.strictObject({
  accounts: some(tag),
  bans: some(banRow),
  lifted: some(tag),
}) satisfies v.GenericSchema<unknown, BansChange>;

export const bansRequest = v.strictObject({
  channel: v.exactOptional(tag),
  after: v.union([v.literal(''), tag]),
}) satisfies v.GenericSchema<unknown, BansRequest>;

export const belongingsRequest = v.strictObject({
  account: tag,
}) satisfies v.GenericSchema<unknown, BelongingsRequest>;

export const newLogEntry = v.strictObject({
  account: tag,
  by: tag,
  sequence: v.pipe(count, v.minValue(1)),
  link: tag,
  previous: v.exactOptional(tag),
  devices: v.pipe(v.array(tag), v.minLength(1), v.maxLength(DEVICES_MAX)),
  sealed,
}) satisfies v.GenericSchema<unknown, NewLogEntry>;

export const logPageRequest = v.strictObject({
  account: tag,
  after: count,
}) satisfies v.GenericSchema<unknown, LogPageRequest>;

export const newPackages = v.strictObject({
  account: tag,
  device: tag,
  by: tag,
  version: v.pipe(count, v.minValue(1)),
  list: tag,
  packages: v.pipe(v.array(sealed), v.maxLength(LIMITS.keyPackagesPerDevice)),
  lastResort: v.exactOptional(sealed),
  isReplacing: v.boolean(),
}) satisfies v.GenericSchema<unknown, NewPackages>;

export const stockRequest = v.strictObject({ device: tag }) satisfies v.GenericSchema<unknown, StockRequest>;

export const packageClaim = v.pipe(
  v.strictObject({
    lists: v.pipe(v.array(tag), v.minLength(1), v.maxLength(CLAIM_MAX)),
    most: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(CLAIM_MAX)),
  }),
  v.check(({ lists, most }) => lists.length * most <= CLAIM_MAX),
) satisfies v.GenericSchema<unknown, PackageClaim>;

export const readRequest = v.pipe(
  v.strictObject({
    devices: v.exactOptional(tags),
    sessions: v.exactOptional(tags),
    members: v.exactOptional(tags),
    totp: v.exactOptional(tags),
    entries: v.exactOptional(tags),
  }),
  v.check((lists) => Object.values(lists).flat().length <= READ_MAX_TAGS),
) satisfies v.GenericSchema<unknown, ReadRequest>;

/** A day of the calendar, from the year 2000 on: 2026-02-30 is none. */
function isDay(text: string): boolean {
  if (!/^2\d{3}-\d{2}-\d{2}$/.test(text)) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

/** A publication that one of the edge's bodies holds. */
const DATA_CHARS_MAX = 60 * 1024;
export const newPublication = v.strictObject({
  channel: tag,
  member: tag,
  id: v.pipe(
    v.string(),
    v.check((id) => isMessageId(id)),
  ),
  data: v.pipe(v.string(), v.minLength(2), v.maxLength(DATA_CHARS_MAX), v.regex(/^[A-Za-z0-9_-]+$/)),
  ephemeral: v.exactOptional(v.boolean()),
  ifCommit: v.exactOptional(
    v.strictObject({ epoch: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,64}$/)), offset: count }),
  ),
}) satisfies v.GenericSchema<unknown, NewPublication>;
export const newMail = v.strictObject({
  sender: tag,
  items: v.pipe(
    v.array(
      v.strictObject({
        mailbox: tag,
        id: v.pipe(
          v.string(),
          v.check((id) => isMessageId(id)),
        ),
        data: v.pipe(v.string(), v.minLength(2), v.maxLength(DATA_CHARS_MAX), v.regex(/^[A-Za-z0-9_-]+$/)),
      }),
    ),
    v.minLength(1),
    v.maxLength(LIMITS.itemsPerCall),
  ),
}) satisfies v.GenericSchema<unknown, NewMail>;
export const attendanceRequest = v.strictObject({ channel: tag }) satisfies v.GenericSchema<
  unknown,
  AttendanceRequest
>;
