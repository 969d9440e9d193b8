/** What a request wants to know, how that maps to the state Redis and to a read of the origin, and what was found. */
import type { Tag } from '../shared/frame.ts';
import type { ReadAnswer, ReadRequest, StoredRecord } from '../shared/internal/records.ts';
import type { CopyKey, HeldCopy } from './ports.ts';
import type { DeviceRecord, EntryRecord, MemberRecord, SessionRecord, TotpRecord } from './records.ts';
import type { Tags } from './tags.ts';

/** One record: the tag it is found by, and every tag of its row in the order records.ts names. */
export interface Want {
  readonly tag: Tag;
  readonly tags: readonly Tag[];
}
export interface Wants {
  readonly device?: Want;
  readonly session?: Want;
  readonly totp?: Want;
  /** Newest entries of key logs. */
  readonly entries?: readonly Want[];
  readonly members?: readonly Want[];
}

/** What a store holds for some wants, still sealed; the lists have the length and order of what was wanted. */
export interface HeldFinds {
  readonly device: HeldCopy | undefined;
  readonly session: HeldCopy | undefined;
  readonly totp: HeldCopy | undefined;
  readonly entries: readonly (HeldCopy | undefined)[];
  readonly members: readonly (HeldCopy | undefined)[];
}

/** An opened record with the sealed form it came in. */
export interface Found<R> extends HeldCopy {
  readonly record: R;
}
/** What was found; the lists have the length and order of what was wanted. */
export interface Finds {
  readonly device: Found<DeviceRecord> | undefined;
  readonly session: Found<SessionRecord> | undefined;
  readonly totp: Found<TotpRecord> | undefined;
  readonly entries: readonly (Found<EntryRecord> | undefined)[];
  readonly members: readonly (Found<MemberRecord> | undefined)[];
  /** A mark of ours says that it has ended: it is not found then, and what another store says of it is of no account. */
  readonly ended: {
    readonly device: boolean;
    readonly session: boolean;
    readonly accounts: ReadonlySet<Tag>;
  };
}

export async function wantDevice(tags: Tags, userId: string, deviceId: string): Promise<Want> {
  const [account, device] = await Promise.all([tags.account(userId), tags.device(userId, deviceId)]);
  return { tag: device, tags: [account, device] };
}

/** The TOTP record of the account. */
export async function wantTotp(tags: Tags, userId: string): Promise<Want> {
  const account = await tags.account(userId);
  return { tag: account, tags: [account] };
}

/** The newest entry of the account's key log. */
export async function wantEntry(tags: Tags, userId: string): Promise<Want> {
  const account = await tags.account(userId);
  return { tag: account, tags: [account] };
}

/** A session of this device of this user; another one's does not open under these tags. */
export async function wantSession(tags: Tags, owner: SessionOwner): Promise<Want> {
  const [device, session] = await Promise.all([
    wantDevice(tags, owner.userId, owner.deviceId),
    tags.session(owner.sessionId),
  ]);
  return { tag: session, tags: [...device.tags, session] };
}

/** The calling device and its session: both must live for a caller to be one. */
export async function wantCaller(tags: Tags, caller: SessionOwner): Promise<CallerWants> {
  const [device, session] = await Promise.all([
    wantDevice(tags, caller.userId, caller.deviceId),
    wantSession(tags, caller),
  ]);
  return { device, session };
}

export interface CallerWants {
  readonly device: Want;
  readonly session: Want;
}

export interface SessionOwner {
  readonly userId: string;
  readonly deviceId: string;
  readonly sessionId: string;
}

/** A membership, with the channel's tag in front. */
export interface MemberWant extends Want {
  readonly channel: Tag;
}

export async function wantMember(tags: Tags, channelId: string, userId: string): Promise<MemberWant> {
  const [channel, member] = await Promise.all([tags.channel(channelId), tags.member(channelId, userId)]);
  return { channel, tag: member, tags: [channel, member] };
}

/** Keys of the hot copies; `heldFinds` takes apart what comes back for them. */
export function keysOf({ device, session, totp, entries = [], members = [] }: Wants): CopyKey[] {
  const keys: CopyKey[] = [];
  if (device !== undefined) keys.push({ kind: 'dev', tag: device.tag });
  if (session !== undefined) keys.push({ kind: 'sess', tag: session.tag });
  if (totp !== undefined) keys.push({ kind: 'totp', tag: totp.tag });
  for (const { tag } of entries) keys.push({ kind: 'keys', tag });
  for (const { tag } of members) keys.push({ kind: 'member', tag });
  return keys;
}

export function heldFinds(
  { device, session, totp, entries = [], members = [] }: Wants,
  held: readonly (HeldCopy | undefined)[],
): HeldFinds {
  const rest = [...held];
  return {
    device: device === undefined ? undefined : rest.shift(),
    session: session === undefined ? undefined : rest.shift(),
    totp: totp === undefined ? undefined : rest.shift(),
    entries: entries.map(() => rest.shift()),
    members: members.map(() => rest.shift()),
  };
}

/** The read of the origin for the same wants; `storedFinds` takes apart its answer. */
export function readOf({ device, session, totp, entries = [], members = [] }: Wants): ReadRequest {
  return {
    ...(device === undefined ? {} : { devices: [device.tag] }),
    ...(session === undefined ? {} : { sessions: [session.tag] }),
    ...(totp === undefined ? {} : { totp: [totp.tag] }),
    ...(entries.length === 0 ? {} : { entries: entries.map(({ tag }) => tag) }),
    ...(members.length === 0 ? {} : { members: members.map(({ tag }) => tag) }),
  };
}

export function storedFinds(
  { device, session, totp, entries = [], members = [] }: Wants,
  answer: ReadAnswer,
): HeldFinds {
  return {
    device: stored(answer.devices, device),
    session: stored(answer.sessions, session),
    totp: stored(answer.totp ?? {}, totp),
    entries: entries.map((want) => stored(answer.entries ?? {}, want)),
    members: members.map((want) => stored(answer.members, want)),
  };
}

/** An answer is JSON of another machine: only its own properties count. */
function stored(table: Readonly<Record<Tag, StoredRecord>>, want: Want | undefined): HeldCopy | undefined {
  return want !== undefined && Object.hasOwn(table, want.tag) ? table[want.tag] : undefined;
}

/** The finds without what `warm` knows to have ended. */
export function withoutEnded<F extends Finds>(finds: F, { ended }: Finds): F {
  return {
    ...finds,
    device: ended.device ? undefined : finds.device,
    session: ended.session ? undefined : finds.session,
    ended: {
      device: ended.device || finds.ended.device,
      session: ended.session || finds.ended.session,
      accounts: ended.accounts,
    },
  };
}
