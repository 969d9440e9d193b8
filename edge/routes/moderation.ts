import { Hono } from 'hono';
import * as v from 'valibot';
import { Failure } from '../../shared/failure.ts';
import type { Tag } from '../../shared/frame.ts';
import type { BanRow } from '../../shared/internal/bans.ts';
import type { Verifier } from '../../shared/token.ts';
import { type CallerEnv, requireCaller } from '../access.ts';
import { jsonBody, pathParameters, queryParameters, requireJson } from '../body.ts';
import { dayOf } from '../days.ts';
import {
  type Asked,
  changeMembers,
  type ModerationParts,
  RANK,
  type Role,
  requireModerator,
  type Standing,
} from '../moderation.ts';
import { describe } from '../openapi.ts';
import {
  banListSchema,
  banOrderSchema,
  channelIdSchema,
  DOOR,
  liftOrderSchema,
  tagSchema,
  userIdSchema,
} from '../schemas.ts';
import type { Throttle } from '../throttle.ts';

const channelPath = v.strictObject({ channelId: channelIdSchema });
const memberPath = v.strictObject({ channelId: channelIdSchema, userId: userIdSchema });
const roleRequest = v.strictObject({ role: v.picklist(['owner', 'moderator', 'service', 'member']) });
const accessRequest = v.strictObject({ access: v.picklist(['open', 'invitation']) });
const doneAnswer = v.strictObject({});
const listQuery = v.strictObject({ after: v.exactOptional(tagSchema) });
export interface ModerationRouteParts extends ModerationParts {
  readonly verifier: Verifier;
  readonly throttle: Throttle;
}

/** Whoever moderates stands above those it moderates. */
function requireAbove(callerIs: Role, is: Standing): void {
  if (RANK[callerIs] < RANK.moderator || RANK[callerIs] <= RANK[is.role]) throw new Failure('forbidden');
}

/** Leaving, removing, roles, hand-over, and bans of a channel. */
export function moderationRoutes(parts: ModerationRouteParts) {
  const asked = (c: { get(name: 'caller'): Asked['caller']; get(name: 'requestId'): string }): Asked => ({
    caller: c.get('caller'),
    requestId: c.get('requestId'),
    parts,
  });
  return new Hono<CallerEnv>()
    .delete(
      '/v1/channels/:channelId/members/:userId',
      describeChange(
        'Leave a channel, or remove a member',
        'Owners hand over first. Moderators remove members.',
      ),
      requireCaller(parts),
      pathParameters(memberPath),
      async (c) => {
        await remove(c.req.valid('param'), asked(c));
        return c.json({}, 200);
      },
    )
    .put(
      '/v1/channels/:channelId/members/:userId/role',
      describeChange(
        'Change what a member is',
        'The owner makes moderators, service accounts (an app’s own backend) and members; `owner` hands the channel over, and the caller is a moderator then.',
        'takes a body',
      ),
      requireCaller(parts),
      pathParameters(memberPath),
      requireJson,
      jsonBody(roleRequest),
      async (c) => {
        await setRole({ ...c.req.valid('param'), role: c.req.valid('json').role }, asked(c));
        return c.json({}, 200);
      },
    )
    .put(
      '/v1/channels/:channelId/access',
      describeChange(
        'Open or close a channel',
        'The owner lets in whoever knows its id and is not banned (`open`), or only by invitation, as at first. Members stay.',
        'takes a body',
      ),
      requireCaller(parts),
      pathParameters(channelPath),
      requireJson,
      jsonBody(accessRequest),
      async (c) => {
        await setAccess({ ...c.req.valid('param'), ...c.req.valid('json') }, asked(c));
        return c.json({}, 200);
      },
    )
    .post(
      '/v1/channels/:channelId/bans',
      describeChange(
        'Ban people from a channel',
        'Up to 50 at once, members or not; all or nobody. Their live connections lose the channel within two seconds, and ' +
          'adding them again is refused while the ban lasts. Whoever is banned already gets the new last day.',
        'takes a body',
      ),
      requireCaller(parts),
      pathParameters(channelPath),
      requireJson,
      jsonBody(banOrderSchema),
      async (c) => {
        await ban({ ...c.req.valid('param'), ...c.req.valid('json') }, asked(c));
        return c.json({}, 200);
      },
    )
    .post(
      '/v1/channels/:channelId/bans/lift',
      describeChange(
        'Lift bans of a channel',
        'They are no members then; they may be added again.',
        'takes a body',
      ),
      requireCaller(parts),
      pathParameters(channelPath),
      requireJson,
      jsonBody(liftOrderSchema),
      async (c) => {
        await lift({ ...c.req.valid('param'), ...c.req.valid('json') }, asked(c));
        return c.json({}, 200);
      },
    )
    .get(
      '/v1/channels/:channelId/bans',
      describe({
        summary: 'List the bans of a channel',
        description:
          'For its moderators: statements, which only they can open, and last days; up to 200 at once.',
        tag: 'channels',
        needsCaller: true,
        status: 200,
        answer: banListSchema,
        failures: ['session_ended', 'forbidden', 'bad_request'],
      }),
      requireCaller(parts),
      pathParameters(channelPath),
      queryParameters(listQuery),
      async (c) => c.json(await list({ ...c.req.valid('param'), ...c.req.valid('query') }, asked(c)), 200),
    );
}

function describeChange(summary: string, description: string, body?: 'takes a body') {
  return describe({
    summary,
    description,
    tag: 'channels',
    needsCaller: true,
    ...(body === undefined ? {} : { takesBody: true as const }),
    status: 200,
    answer: doneAnswer,
    failures: ['session_ended', 'forbidden', 'conflict', 'bad_request'],
  });
}

function remove({ channelId, userId }: { channelId: string; userId: string }, asked: Asked): Promise<void> {
  const isSelf = userId === asked.caller.userId;
  return changeMembers(
    {
      channelId,
      userIds: [userId],
      decide: ({ is }, callerIs) => {
        if (!isSelf) requireAbove(callerIs, is);
        if (isSelf && is.role === 'owner')
          throw new Failure('conflict', { detail: 'Hand the channel over first' });
        return { ...is, role: 'none' };
      },
    },
    asked,
  );
}

type AccessChange = { readonly channelId: string } & v.InferOutput<typeof accessRequest>;

function setAccess({ channelId, access }: AccessChange, asked: Asked): Promise<void> {
  return changeMembers(
    {
      channelId,
      userIds: [DOOR],
      decide: (_, callerIs) => {
        if (callerIs !== 'owner') throw new Failure('forbidden');
        return { role: access === 'open' ? 'member' : 'none' };
      },
    },
    asked,
  );
}

interface RoleChange {
  readonly channelId: string;
  readonly userId: string;
  readonly role: 'owner' | 'moderator' | 'service' | 'member';
}

function setRole({ channelId, userId, role }: RoleChange, asked: Asked): Promise<void> {
  const own = asked.caller.userId;
  if (userId === own) throw new Failure('conflict', { detail: 'Nobody changes what they are themselves' });
  return changeMembers(
    {
      channelId,
      userIds: role === 'owner' ? [userId, own] : [userId],
      decide: (person, callerIs) => {
        // A repeat of a hand-over finds the caller a moderator already.
        const isDone = role === 'owner' && callerIs === 'moderator';
        if (callerIs !== 'owner' && !isDone) throw new Failure('forbidden');
        if (person.userId === own) return { role: 'moderator' };
        if (person.is.role === 'none') throw new Failure('conflict', { detail: 'No member of this channel' });
        if (isDone && person.is.role !== 'owner') throw new Failure('forbidden');
        return { role };
      },
    },
    asked,
  );
}

type BanOrder = { readonly channelId: string } & v.InferOutput<typeof banOrderSchema>;

function ban({ channelId, userIds, until, statement }: BanOrder, asked: Asked): Promise<void> {
  const { clock, banTags } = asked.parts;
  if (until !== undefined && until < dayOf(clock.now()))
    throw new Failure('bad_request', { detail: 'The last day of the ban has passed' });
  if (userIds.includes(asked.caller.userId))
    throw new Failure('conflict', { detail: 'Nobody bans themselves' });
  return changeMembers(
    {
      channelId,
      userIds,
      decide: ({ is }, callerIs) => {
        requireAbove(callerIs, is);
        return { role: 'none', banned: until ?? 'for-good' };
      },
      // Its statement may be another one, and the key it is placed under.
      isAlwaysWritten: true,
      bans: async (userId): Promise<{ place: BanRow; lift: readonly Tag[] }> => ({
        place: {
          ...(await banTags.place(userId, channelId)),
          statement: statement ?? null,
          expiresOn: until ?? null,
        },
        lift: await banTags.former(userId, channelId),
      }),
    },
    asked,
  );
}

function lift(
  { channelId, userIds }: { channelId: string; userIds: readonly string[] },
  asked: Asked,
): Promise<void> {
  const { banTags } = asked.parts;
  return changeMembers(
    {
      channelId,
      userIds,
      decide: ({ is }, callerIs) => {
        requireAbove(callerIs, is);
        return { role: is.role };
      },
      bans: async (userId) => ({ lift: await banTags.all(userId, channelId) }),
    },
    asked,
  );
}

async function list({ channelId, after }: { channelId: string; after?: string | undefined }, asked: Asked) {
  const channel = await requireModerator(channelId, asked);
  const page = await asked.parts.origin.listBans({ channel, after: after ?? '' }, asked.requestId);
  return {
    bans: page.bans.map(({ ban: tag, statement, expiresOn }) => ({
      ban: tag,
      ...(statement === null ? {} : { statement }),
      ...(expiresOn === null ? {} : { until: expiresOn }),
    })),
    isWhole: page.isWhole,
  } satisfies v.InferOutput<typeof banListSchema>;
}
