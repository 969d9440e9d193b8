import { Hono } from 'hono';
import * as v from 'valibot';
import { Failure } from '../../shared/failure.ts';
import type { Verifier } from '../../shared/token.ts';
import { findAbsent, wantAbsence } from '../absence.ts';
import { type Caller, type CallerEnv, requireCaller } from '../access.ts';
import { jsonBody, pathParameters, requireJson } from '../body.ts';
import { dayOf } from '../days.ts';
import type { Lookup } from '../lookup.ts';
import { changeMembers, type ModerationParts, newest } from '../moderation.ts';
import { describe } from '../openapi.ts';
import type { Clock, OriginApi } from '../ports.ts';
import { FIRST_VERSION, type MemberRecord, type Records } from '../records.ts';
import { channelIdSchema, tagSchema, userIdSchema } from '../schemas.ts';
import { requireLive } from '../session.ts';
import type { Tags } from '../tags.ts';
import type { Throttle } from '../throttle.ts';
import { type Found, type MemberWant, wantCaller, wantMember, withoutEnded } from '../wants.ts';

const channelRequest = v.strictObject({ channelId: channelIdSchema });
const channelAnswer = v.strictObject({ channelId: channelIdSchema, channel: tagSchema, member: tagSchema });
const memberPath = v.strictObject({ channelId: channelIdSchema });
const memberRequest = v.strictObject({ userId: userIdSchema });
const memberAnswer = v.strictObject({ member: tagSchema });
const doneAnswer = v.strictObject({});

export interface ChannelParts extends ModerationParts {
  readonly verifier: Verifier;
  readonly throttle: Throttle;
  readonly lookup: Lookup;
  readonly origin: OriginApi;
  readonly tags: Tags;
  readonly records: Records;
  readonly clock: Clock;
}

/** `POST /v1/channels` makes a channel; `POST /v1/channels/{channelId}/members` lets its owner add members. */
export function channelRoutes(parts: ChannelParts) {
  return new Hono<CallerEnv>()
    .post(
      '/v1/channels',
      describeCreation(),
      requireCaller(parts),
      requireJson,
      jsonBody(channelRequest),
      async (c) => {
        const { channelId } = c.req.valid('json');
        const want = await create(channelId, {
          caller: c.get('caller'),
          requestId: c.get('requestId'),
          parts,
        });
        return c.json({ channelId, channel: want.channel, member: want.tag }, 201);
      },
    )
    .delete(
      '/v1/channels/:channelId',
      describeDeletion(),
      requireCaller(parts),
      pathParameters(memberPath),
      async (c) => {
        const { channelId } = c.req.valid('param');
        await remove(channelId, { caller: c.get('caller'), requestId: c.get('requestId'), parts });
        return c.json({}, 200);
      },
    )
    .post(
      '/v1/channels/:channelId/members',
      describeInvitation(),
      requireCaller(parts),
      pathParameters(memberPath),
      requireJson,
      jsonBody(memberRequest),
      async (c) => {
        const { channelId } = c.req.valid('param');
        const { userId } = c.req.valid('json');
        await addMember(
          { channelId, userId },
          { caller: c.get('caller'), requestId: c.get('requestId'), parts },
        );
        return c.json({ member: await parts.tags.member(channelId, userId) }, 201);
      },
    );
}

interface Call {
  readonly caller: Caller;
  readonly requestId: string;
  readonly parts: ChannelParts;
}

/**
 * Makes the channel, or finds that it is the caller's already; throws `conflict` when it is somebody else's. The
 * caller's membership is not put into the state Redis here: a copy made before the origin has spoken could make an
 * owner of whoever asks.
 */
async function create(channelId: string, call: Call): Promise<MemberWant> {
  const { caller, requestId, parts } = call;
  const { lookup, origin, tags, clock } = parts;
  const member = await wantMember(tags, channelId, caller.userId);
  const own = await wantCaller(tags, caller);
  const wants = { ...own, members: [member] };
  const warm = await lookup.inState(wants);
  const isWarm = warm.session !== undefined && warm.device !== undefined;
  const finds = isWarm ? warm : withoutEnded(await lookup.inOrigin(wants, requestId), warm);
  requireLive({ device: warm.device ?? finds.device, session: warm.session ?? finds.session }, clock.now());
  const known = finds.members[0] ?? warm.members[0];
  if (known !== undefined) return requireOwned(member, known, 'conflict');
  const { result } = await origin.createChannel(await newChannel(channelId, member, call), requestId);
  if (result === 'created') return member;
  const { members } = await lookup.inOrigin({ members: [member] }, requestId);
  return requireOwned(member, members[0], 'conflict');
}

async function newChannel(channelId: string, { channel, tag, tags }: MemberWant, { caller, parts }: Call) {
  const { records, clock } = parts;
  const { userId } = caller;
  const version = FIRST_VERSION;
  const owner: MemberRecord = { channelId, userId, role: 'owner', generation: 1 };
  return {
    channel,
    sealed: await records.seal('channel', { tags: [channel], version }, { channelId, ownerId: userId }),
    createdOn: dayOf(clock.now()),
    owner: { member: tag, sealed: await records.seal('member', { tags, version }, owner) },
  };
}

/** The seal has bound the record to channel and member tags already; that it says `owner` is what is left to check. */
function requireOwned(
  want: MemberWant,
  found: Found<MemberRecord> | undefined,
  code: 'conflict' | 'forbidden',
): MemberWant {
  if (found?.record.role !== 'owner') throw new Failure(code);
  return want;
}

/**
 * Ends the channel, for its owner. The origin is asked who that is, and goes first: what it has ended no copy brings back, for
 * nodes refuse every grant to it from then on.
 */
async function remove(channelId: string, { caller, requestId, parts }: Call): Promise<void> {
  const { lookup, origin, state, tags, clock } = parts;
  const member = await wantMember(tags, channelId, caller.userId);
  const wants = { ...(await wantCaller(tags, caller)), members: [member] };
  const [finds, warm] = await Promise.all([lookup.inOrigin(wants, requestId), lookup.inState(wants)]);
  if (warm.ended.device || warm.ended.session) throw new Failure('session_ended');
  requireLive(finds, clock.now());
  requireOwned(member, newest(warm.members[0], finds.members[0]), 'forbidden');
  const { members } = await origin.deleteChannel({ channel: member.channel }, requestId);
  await state.drop(members.map((tag) => ({ kind: 'member', tag })));
}

/**
 * Moderators add members; who is one already stays what they are. Throws `conflict` for somebody who is banned here. Whoever
 * is as if not there (absence.ts) is not added, and the caller is not told.
 */
async function addMember(
  { channelId, userId }: { channelId: string; userId: string },
  call: Call,
): Promise<void> {
  const { caller, requestId, parts } = call;
  const { origin, tags, banTags } = parts;
  const absence = await wantAbsence(caller.userId, { userIds: [userId], tags, banTags });
  return changeMembers(
    {
      channelId,
      userIds: [userId],
      decide: ({ is }, callerIs) => {
        if (callerIs !== 'owner' && callerIs !== 'moderator') throw new Failure('forbidden');
        if (is.banned !== undefined)
          throw new Failure('conflict', { detail: 'Banned here; lift the ban first' });
        return is.role === 'none' ? { role: 'member' } : is;
      },
      barredByBans: true,
      absent: () => findAbsent(absence, { origin, requestId }),
    },
    call,
  );
}

function describeCreation() {
  return describe({
    summary: 'Create a channel',
    description:
      'The caller becomes its owner and first member. Idempotent for the owner; an id that is somebody else’s is a ' +
      '`conflict`.',
    tag: 'channels',
    needsCaller: true,
    takesBody: true,
    status: 201,
    answer: channelAnswer,
    failures: ['session_ended', 'conflict', 'unavailable'],
  });
}

function describeDeletion() {
  return describe({
    summary: 'Delete a channel',
    description:
      'For its owner. Members, invitations and what was said are gone, live connections lose the channel, and nobody can make one ' +
      'with its id for three days; bans in force stay until their day. A repeat is refused like a channel that never was.',
    tag: 'channels',
    needsCaller: true,
    status: 200,
    answer: doneAnswer,
    failures: ['bad_request', 'session_ended', 'forbidden', 'unavailable'],
  });
}

function describeInvitation() {
  return describe({
    summary: 'Add a member',
    description:
      'Its owner and moderators may; a channel that does not exist is refused alike. Idempotent; `conflict` for somebody who ' +
      'is banned. Whether the user exists is not checked, and not told.',
    tag: 'channels',
    needsCaller: true,
    takesBody: true,
    status: 201,
    answer: memberAnswer,
    failures: ['session_ended', 'forbidden', 'conflict', 'unavailable'],
  });
}
