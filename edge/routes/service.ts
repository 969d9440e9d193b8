import { Hono } from 'hono';
import * as v from 'valibot';
import { Failure } from '../../shared/failure.ts';
import type { Verifier } from '../../shared/token.ts';
import { type Caller, type CallerEnv, requireCaller } from '../access.ts';
import { jsonBody, pathParameters, requireJson } from '../body.ts';
import { dayOf } from '../days.ts';
import type { Lookup } from '../lookup.ts';
import { standingOf } from '../moderation.ts';
import { describe } from '../openapi.ts';
import type { Clock, OriginApi } from '../ports.ts';
import { channelIdSchema, dataSchema, messageIdSchema, positionSchema } from '../schemas.ts';
import { requireLive } from '../session.ts';
import type { Tags } from '../tags.ts';
import type { Throttle } from '../throttle.ts';
import { type MemberWant, wantCaller, wantMember } from '../wants.ts';

const channelPath = v.strictObject({ channelId: channelIdSchema });
const messageRequest = v.strictObject({
  id: messageIdSchema,
  data: dataSchema,
  ephemeral: v.exactOptional(v.boolean()),
  ifCommit: v.exactOptional(positionSchema),
});
const messageAnswer = v.strictObject({
  position: v.exactOptional(positionSchema),
  duplicate: v.exactOptional(v.boolean()),
});
const presenceAnswer = v.strictObject({ present: v.pipe(v.number(), v.integer(), v.minValue(0)) });

export interface ServiceParts {
  readonly verifier: Verifier;
  readonly throttle: Throttle;
  readonly lookup: Lookup;
  readonly origin: OriginApi;
  readonly tags: Tags;
  readonly clock: Clock;
}

/**
 * What service accounts do by HTTP, in channels whose owner has made them one (`PUT …/role`): publish, and count who is there.
 * They remove and ban like a moderator, and sign in with a device key like everybody.
 */
export function serviceRoutes(parts: ServiceParts) {
  return new Hono<CallerEnv>()
    .post(
      '/v1/channels/:channelId/messages',
      describe({
        summary: 'Publish as a service account',
        description:
          'As `publish` over a socket. The same id again, after a lost answer, is the same message. With `ephemeral` there is no ' +
          'position; with `ifCommit` it is `conflict` unless the channel stands there.',
        tag: 'channels',
        needsCaller: true,
        takesBody: true,
        status: 201,
        answer: messageAnswer,
        failures: ['session_ended', 'forbidden', 'conflict', 'bad_request'],
      }),
      requireJson,
      requireCaller(parts),
      pathParameters(channelPath),
      jsonBody(messageRequest),
      async (c) => {
        const { channelId } = c.req.valid('param');
        const { channel, tag: member } = await requireService(channelId, asked(c, parts));
        const { outcome, position } = await parts.origin.publish(
          { channel, member, ...c.req.valid('json') },
          c.get('requestId'),
        );
        if (outcome === 'conflict') throw new Failure('conflict', { detail: 'The channel stands elsewhere' });
        const isRepeat = outcome === 'duplicate';
        return c.json({ ...(position && { position }), ...(isRepeat && { duplicate: true }) }, 201);
      },
    )
    .get(
      '/v1/channels/:channelId/presence',
      describe({
        summary: 'Count who is present, as a service account',
        description: 'Members who show that they are there, on all nodes; nobody is named.',
        tag: 'channels',
        needsCaller: true,
        status: 200,
        answer: presenceAnswer,
        failures: ['session_ended', 'forbidden', 'bad_request'],
      }),
      requireCaller(parts),
      pathParameters(channelPath),
      async (c) => {
        const { channel } = await requireService(c.req.valid('param').channelId, asked(c, parts));
        await parts.throttle.pass(c.get('requestId'));
        const { present } = await parts.origin.countPresent(channel, c.get('requestId'));
        return c.json({ present } satisfies v.InferOutput<typeof presenceAnswer>, 200);
      },
    );
}

interface Asked {
  readonly caller: Caller;
  readonly requestId: string;
  readonly parts: ServiceParts;
}

function asked(
  c: { get(name: 'caller'): Caller; get(name: 'requestId'): string },
  parts: ServiceParts,
): Asked {
  return { caller: c.get('caller'), requestId: c.get('requestId'), parts };
}

/** One trip when warm. Throws `session_ended`, or `forbidden`, also for a channel that is not there. */
async function requireService(channelId: string, { caller, requestId, parts }: Asked): Promise<MemberWant> {
  const { lookup, tags, clock } = parts;
  const member = await wantMember(tags, channelId, caller.userId);
  const finds = await lookup.find({ ...(await wantCaller(tags, caller)), members: [member] }, requestId);
  requireLive(finds, clock.now());
  if (standingOf(finds.members[0], dayOf(clock.now())).role !== 'service') throw new Failure('forbidden');
  return member;
}
