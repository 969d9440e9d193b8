import { Hono } from 'hono';
import * as v from 'valibot';
import { Failure } from '../../shared/failure.ts';
import { CHANNEL_INVITATION_USES_MAX, CHANNEL_INVITATIONS_MAX } from '../../shared/internal/channels.ts';
import { type Signer, TOKEN_KINDS, type Verifier } from '../../shared/token.ts';
import { type CallerEnv, requireCaller } from '../access.ts';
import { jsonBody, pathParameters, requireJson } from '../body.ts';
import { readInvitation, signInvitation } from '../channel-invitations.ts';
import { dayOf } from '../days.ts';
import { type Asked, changeMembers, type ModerationParts, requireModerator } from '../moderation.ts';
import { describe } from '../openapi.ts';
import {
  channelIdSchema,
  channelInvitationSchema,
  daySchema,
  millisecondsSchema,
  optionalInvitationSchema,
  tagSchema,
} from '../schemas.ts';
import type { Throttle } from '../throttle.ts';

const MINUTE_MS = 60_000;
const LIFE_MAX_MS = TOKEN_KINDS.channelInvitation.lifeSeconds * 1_000;

const channelPath = v.strictObject({ channelId: channelIdSchema });
const invitationPath = v.strictObject({ channelId: channelIdSchema, invitation: tagSchema });
const usesSchema = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(CHANNEL_INVITATION_USES_MAX));
const makeRequest = v.strictObject({
  id: v.pipe(
    channelIdSchema,
    v.description('Random, chosen by the client; a repeat with the same id is harmless'),
  ),
  uses: v.pipe(usesSchema, v.description('How many people it may let in')),
  lifeMs: v.pipe(
    v.number(),
    v.integer(),
    v.minValue(MINUTE_MS),
    v.maxValue(LIFE_MAX_MS),
    v.description('How long it may let people in'),
  ),
});
const makeAnswer = v.strictObject({
  invitation: channelInvitationSchema,
  tag: v.pipe(tagSchema, v.description('What it is listed and revoked by')),
  expiresInMs: millisecondsSchema('Until it lets nobody in any more'),
});
const listAnswer = v.strictObject({
  invitations: v.pipe(
    v.array(
      v.strictObject({
        tag: tagSchema,
        uses: usesSchema,
        used: v.pipe(v.number(), v.integer(), v.minValue(0)),
        lastDay: daySchema,
      }),
    ),
    v.maxLength(CHANNEL_INVITATIONS_MAX),
  ),
});
const joinRequest = v.strictObject({ invitation: optionalInvitationSchema });
const joinAnswer = v.strictObject({ member: tagSchema });
const doneAnswer = v.strictObject({});

export interface ChannelInvitationRouteParts extends ModerationParts {
  readonly verifier: Verifier;
  readonly signer: Signer;
  readonly throttle: Throttle;
}
type AskedHere = Asked & { readonly parts: ChannelInvitationRouteParts };

/** Invitations to a channel as links: its owner and moderators make, list and revoke them, and whoever has one joins. */
export function channelInvitationRoutes(parts: ChannelInvitationRouteParts) {
  const asked = (c: { get(name: 'caller'): Asked['caller']; get(name: 'requestId'): string }): AskedHere => ({
    caller: c.get('caller'),
    requestId: c.get('requestId'),
    parts,
  });
  const guard = requireCaller(parts);
  return new Hono<CallerEnv>()
    .post(
      '/v1/channels/:channelId/invitations',
      describeMaking(),
      guard,
      pathParameters(channelPath),
      requireJson,
      jsonBody(makeRequest),
      async (c) => c.json(await make({ ...c.req.valid('param'), ...c.req.valid('json') }, asked(c)), 201),
    )
    .get(
      '/v1/channels/:channelId/invitations',
      describeList(),
      guard,
      pathParameters(channelPath),
      async (c) => c.json(await list(c.req.valid('param').channelId, asked(c)), 200),
    )
    .delete(
      '/v1/channels/:channelId/invitations/:invitation',
      describeRevocation(),
      guard,
      pathParameters(invitationPath),
      async (c) => {
        await revoke(c.req.valid('param'), asked(c));
        return c.json({}, 200);
      },
    )
    .post(
      '/v1/channels/:channelId/join',
      describeJoining(),
      guard,
      pathParameters(channelPath),
      requireJson,
      jsonBody(joinRequest),
      async (c) => {
        const { channelId } = c.req.valid('param');
        const call = asked(c);
        await join({ channelId, token: c.req.valid('json').invitation }, call);
        return c.json({ member: await parts.tags.member(channelId, call.caller.userId) }, 200);
      },
    );
}

type Making = { readonly channelId: string } & v.InferOutput<typeof makeRequest>;

/** The end is rounded to whole seconds, up. */
async function make({ channelId, id, uses, lifeMs }: Making, asked: AskedHere) {
  const { caller, requestId, parts } = asked;
  const { tags, throttle, origin, clock } = parts;
  throttle.draw(requestId, 'invite', tags.account(caller.userId));
  const channel = await requireModerator(channelId, asked);
  const endsAtMs = Math.ceil((clock.now() + lifeMs) / 1_000) * 1_000;
  const tag = await tags.channelInvitation(channelId, id);
  const { result } = await origin.changeInvitation(
    { what: 'make', channel, invitation: tag, uses, expiresOn: dayOf(endsAtMs) },
    requestId,
  );
  if (result === 'missing') throw new Failure('forbidden');
  if (result === 'full')
    throw new Failure('conflict', { detail: 'The channel has as many invitations as it may; revoke some' });
  const invitation = await signInvitation({ channelId, id, uses, endsAtMs }, parts);
  return { invitation, tag, expiresInMs: endsAtMs - clock.now() };
}

async function list(channelId: string, asked: AskedHere) {
  const channel = await requireModerator(channelId, asked);
  const { invitations } = await asked.parts.origin.listInvitations({ channel }, asked.requestId);
  return {
    invitations: invitations.map(({ invitation, uses, used, expiresOn }) => ({
      tag: invitation,
      uses,
      used,
      lastDay: expiresOn,
    })),
  } satisfies v.InferOutput<typeof listAnswer>;
}

async function revoke(
  { channelId, invitation }: v.InferOutput<typeof invitationPath>,
  asked: AskedHere,
): Promise<void> {
  const channel = await requireModerator(channelId, asked);
  await asked.parts.origin.changeInvitation({ what: 'revoke', channel, invitation }, asked.requestId);
}

/** Whoever is a member stays what they are, and uses up nothing. Every reason to refuse has one and the same answer. */
async function join(
  { channelId, token }: { channelId: string; token: string },
  asked: AskedHere,
): Promise<void> {
  const by =
    token === ''
      ? ({ whileOpen: 'invitation_refused' } as const)
      : { redeems: await readInvitation({ channelId, token }, asked.parts) };
  return changeMembers(
    {
      channelId,
      userIds: [asked.caller.userId],
      decide: ({ is }) => {
        if (is.banned !== undefined) throw new Failure('invitation_refused');
        return is.role === 'none' ? { role: 'member' } : is;
      },
      barredByBans: true,
      ...by,
      refusal: 'invitation_refused',
    },
    asked,
  );
}

const CHANNELS = { tag: 'channels', needsCaller: true } as const;

function describeMaking() {
  return describe({
    ...CHANNELS,
    summary: 'Make an invitation to a channel',
    description:
      'For its owner and moderators: a signed text for a link, behind `#`, that lets in as many people as it says. A channel ' +
      'has at most 100 that let somebody in: `conflict` for more.',
    takesBody: true,
    status: 201,
    answer: makeAnswer,
    failures: ['session_ended', 'forbidden', 'conflict', 'unavailable'],
  });
}

function describeList() {
  return describe({
    ...CHANNELS,
    summary: 'List the invitations to a channel',
    description:
      'For its owner and moderators: those that let somebody in. Nothing says who made or used one.',
    status: 200,
    answer: listAnswer,
    failures: ['bad_request', 'session_ended', 'forbidden', 'unavailable'],
  });
}

function describeRevocation() {
  return describe({
    ...CHANNELS,
    summary: 'Revoke an invitation to a channel',
    description: 'For its owner and moderators. It lets nobody in from then on. Idempotent.',
    status: 200,
    answer: doneAnswer,
    failures: ['bad_request', 'session_ended', 'forbidden', 'unavailable'],
  });
}

function describeJoining() {
  return describe({
    ...CHANNELS,
    summary: 'Join a channel',
    description:
      'With an invitation to it, or none while it is open. Idempotent, and costs one use once. `invitation_refused` alike for one ' +
      'that never was, is used up, revoked or over, for whoever is banned, and without one where the channel is not open.',
    takesBody: true,
    status: 200,
    answer: joinAnswer,
    failures: ['session_ended', 'invitation_refused', 'unavailable'],
  });
}
