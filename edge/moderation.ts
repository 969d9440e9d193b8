/**
 * Changes who is what in a channel: one read, then the change at the origin and what the state Redis should hold go out
 * together. The read asks the origin itself, so that the version that follows is the right one, and what the state Redis
 * is told is what the origin takes, but for a race that another round settles. A change the origin did not answer may
 * stand in the state Redis alone for a while: it was the caller's to make, and a repeat completes it. Of a change that the
 * origin may still refuse, for a ban or a used-up invitation, nothing is held: what there was is dropped, and the next request asks.
 */
import { Failure } from '../shared/failure.ts';
import type { FailureCode } from '../shared/failures.ts';
import type { Tag } from '../shared/frame.ts';
import type { BanRow } from '../shared/internal/bans.ts';
import type { MemberChange, MembersChange } from '../shared/internal/channels.ts';
import type { Day } from '../shared/internal/records.ts';
import type { Caller } from './access.ts';
import type { BanTags } from './bans.ts';
import { memberCopy } from './copies.ts';
import { dayOf } from './days.ts';
import type { Lookup } from './lookup.ts';
import type { Clock, Copy, OriginApi, State } from './ports.ts';
import type { MemberRecord, Records } from './records.ts';
import { DOOR } from './schemas.ts';
import { requireLive } from './session.ts';
import type { Tags } from './tags.ts';
import { type Found, type MemberWant, wantCaller, wantMember } from './wants.ts';

export type Role = MemberRecord['role'];
export interface Standing {
  readonly role: Role;
  readonly banned?: Day | 'for-good' | undefined;
}

/** What becomes of one person; throws when the caller may not. The same standing means that nothing is to be done. */
export type Decide = (person: { readonly userId: string; readonly is: Standing }, callerIs: Role) => Standing;

interface BansOf {
  readonly place?: BanRow;
  readonly lift?: readonly Tag[];
}

export interface Wanted {
  readonly channelId: string;
  /** Without the caller, unless it is about the caller. */
  readonly userIds: readonly string[];
  readonly decide: Decide;
  /** Bans to place or lift with it. */
  readonly bans?: (userId: string) => Promise<BansOf>;
  /** Written also where nobody's standing changes: what belongs to it may be another. */
  readonly isAlwaysWritten?: boolean;
  /** A ban in force on one of them forbids the change. */
  readonly barredByBans?: boolean;
  /** Those who do not want to hear of the caller stay what they are, and the caller is not told. */
  readonly absent?: () => Promise<ReadonlySet<string>>;
  /** The change is one use of this invitation. */
  readonly redeems?: MembersChange['redeems'];
  /** Only while the channel is open; else this is thrown. */
  readonly whileOpen?: FailureCode;
  /** The one answer to whatever the origin refuses, so that nobody learns which it was. */
  readonly refusal?: FailureCode;
}

export interface ModerationParts {
  readonly lookup: Lookup;
  readonly origin: OriginApi;
  readonly state: State;
  readonly tags: Tags;
  readonly banTags: BanTags;
  readonly records: Records;
  readonly clock: Clock;
}

export interface Asked {
  readonly caller: Caller;
  readonly requestId: string;
  readonly parts: ModerationParts;
}

/** Whoever moderates stands above those it moderates. */
export const RANK: Readonly<Record<Role, number>> = {
  none: 0,
  member: 1,
  service: 2,
  moderator: 2,
  owner: 3,
};

/**
 * The tag of the channel, which the caller moderates. One trip when warm. Throws `session_ended`, or `forbidden`, also for a
 * channel that is not there.
 */
export async function requireModerator(channelId: string, { caller, requestId, parts }: Asked): Promise<Tag> {
  const { tags, lookup, clock } = parts;
  const member = await wantMember(tags, channelId, caller.userId);
  const finds = await lookup.find({ ...(await wantCaller(tags, caller)), members: [member] }, requestId);
  requireLive(finds, clock.now());
  if (RANK[standingOf(finds.members[0], dayOf(clock.now())).role] < RANK.moderator)
    throw new Failure('forbidden');
  return member.channel;
}

/** Writers of one channel that meet: each round one of them gets through. */
const ROUNDS_MAX = 5;

/**
 * Makes the change; made before counts as made. Throws `session_ended`, `forbidden` (also for a channel that is not
 * there), what `decide` throws, `conflict` for somebody who is banned, `unavailable`.
 */
export async function changeMembers(wanted: Wanted, asked: Asked): Promise<void> {
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const change = await planChange(wanted, asked);
    if (change === undefined) return;
    const { origin, state } = asked.parts;
    const [{ result }] = await Promise.all([
      origin.changeMembers(change.request, asked.requestId),
      state.put(change.copies),
      state.drop(change.dropped),
    ]);
    if (result === 'changed') return;
    if (result === 'stale') continue;
    if (wanted.refusal !== undefined) throw new Failure(wanted.refusal);
    if (result === 'barred') throw new Failure('conflict', { detail: 'Banned here; lift the ban first' });
    throw new Failure('forbidden');
  }
  throw new Failure('unavailable', { detail: 'Others are changing this channel; ask again' });
}

const NOBODY: ReadonlySet<string> = new Set();

async function planChange(wanted: Wanted, { caller, requestId, parts }: Asked) {
  const { lookup, tags, banTags } = parts;
  const { channelId, userIds, decide } = wanted;
  const own = await wantCaller(tags, caller);
  const everybody = [caller.userId, ...userIds.filter((userId) => userId !== caller.userId)];
  const read = wanted.whileOpen === undefined ? everybody : [...everybody, DOOR];
  const wants = await Promise.all(read.map((userId) => wantMember(tags, channelId, userId)));
  const [finds, warm, absent] = await Promise.all([
    lookup.inOrigin({ ...own, members: wants }, requestId),
    lookup.inState({ ...own, members: wants }),
    wanted.absent?.() ?? NOBODY,
  ]);
  // Of two records the newer one counts: an origin that brings back an old one is not believed while this one is held.
  const known = wants.map((_, i) => newest(warm.members[i], finds.members[i]));
  const { device, session } = warm.ended;
  if (device || session) throw new Failure('session_ended');
  requireLive(finds, parts.clock.now());
  if (wanted.whileOpen !== undefined && known[everybody.length]?.record.role !== 'member')
    throw new Failure(wanted.whileOpen);
  const callerIs = known[0]?.record.role ?? 'none';
  const changes = await Promise.all(
    everybody.map(async (userId, i) => {
      const [want, found] = [wants[i], known[i]];
      if (want === undefined || !userIds.includes(userId)) return undefined;
      const is = standingOf(found, dayOf(parts.clock.now()));
      const becomes = decide({ userId, is }, callerIs);
      const isSame = becomes.role === is.role && becomes.banned === is.banned;
      if (isSame && !wanted.isAlwaysWritten) return undefined;
      if (absent.has(userId)) return undefined;
      return changeOf({ channelId, userId, want, found, becomes }, parts);
    }),
  );
  const made = changes.filter((change) => change !== undefined);
  const bans: BansOf[] = await Promise.all(userIds.map((userId) => wanted.bans?.(userId) ?? {}));
  if (made.length === 0) return undefined;
  // What was read besides is kept, too, so that the caller's next request is a warm one.
  const changed = new Set(made.map(({ change }) => change.member));
  const seen = finds.copies.filter(({ tag }) => !changed.has(tag));
  const unless = wanted.barredByBans
    ? await Promise.all(userIds.map((id) => banTags.all(id, channelId)))
    : [];
  return {
    request: {
      channel: wants[0]?.channel ?? '',
      members: made.map(({ change }) => change),
      bans: bans.flatMap(({ place }) => (place === undefined ? [] : [place])),
      lifted: bans.flatMap(({ lift = [] }) => lift),
      unless: unless.flat(),
      ...(wanted.redeems && { redeems: wanted.redeems }),
    },
    copies: [...(wanted.barredByBans ? [] : made.map(({ copy }) => copy)), ...seen],
    dropped: wanted.barredByBans ? made.map(({ copy }) => copy) : [],
  };
}

/** Of two records the newer one counts: an origin that brings back an old one is not believed while this one is held. */
export function newest(
  warm: Found<MemberRecord> | undefined,
  cold: Found<MemberRecord> | undefined,
): Found<MemberRecord> | undefined {
  return warm !== undefined && warm.version > (cold?.version ?? 0) ? warm : cold;
}

/** What somebody is today: a ban whose last day has passed is over, and leaves no member behind. */
export function standingOf(found: Found<MemberRecord> | undefined, today: Day): Standing {
  if (found === undefined) return { role: 'none' };
  const { role, banned } = found.record;
  if (banned === undefined || (banned !== 'for-good' && banned < today)) return { role };
  return { role, banned };
}

interface OneChange {
  readonly channelId: string;
  readonly userId: string;
  readonly want: MemberWant;
  readonly found: Found<MemberRecord> | undefined;
  readonly becomes: Standing;
}

async function changeOf(
  { channelId, userId, want, found, becomes }: OneChange,
  { records, tags, clock }: ModerationParts,
): Promise<{ change: MemberChange; copy: Copy }> {
  const wasMember = found !== undefined && found.record.role !== 'none';
  // Every member may do the same with a channel's grant: another role ends none, and nobody has to ask anew.
  const stays = wasMember && becomes.role !== 'none';
  const generation = (found?.record.generation ?? 0) + (stays ? 0 : 1);
  const version = (found?.version ?? 0) + 1;
  const { role, banned } = becomes;
  const record: MemberRecord = {
    ...{ channelId, userId, role, generation },
    ...(banned === undefined ? {} : { banned }),
  };
  const sealed = await records.seal('member', { tags: want.tags, version }, record);
  const change = { member: want.tag, sealed, version };
  const copy = memberCopy(want.tag, { sealed, version }, clock.now());
  if (!wasMember || stays) return { change, copy };
  const revokes = await tags.right(channelId, userId, found.record.generation);
  return { change: { ...change, revokes }, copy };
}
