import { Hono } from 'hono';
import * as v from 'valibot';
import { Failure } from '../../shared/failure.ts';
import { COMMITMENT, STAMP } from '../../shared/franking.ts';
import { LIMITS } from '../../shared/limits.ts';
import type { Signer, Verifier } from '../../shared/token.ts';
import { type CallerEnv, requireCaller } from '../access.ts';
import { jsonBody, pathParameters, requireJson } from '../body.ts';
import { dayOf } from '../days.ts';
import type { Franking } from '../franking.ts';
import { type Asked, type ModerationParts, standingOf } from '../moderation.ts';
import { describe } from '../openapi.ts';
import type { Random } from '../ports.ts';
import { channelIdSchema, tagSchema } from '../schemas.ts';
import { requireLive } from '../session.ts';
import type { Throttle } from '../throttle.ts';
import { wantCaller, wantMember } from '../wants.ts';

const channelPath = v.strictObject({ channelId: channelIdSchema });
const reportRequest = v.strictObject({
  message: v.pipe(
    v.string(),
    v.minLength(LIMITS.messageIdMinChars),
    v.maxLength(LIMITS.messageIdMaxChars),
    v.regex(/^[A-Za-z0-9_-]+$/),
    v.description('Id of the message'),
  ),
  from: v.pipe(tagSchema, v.description('Member tag of its sender, as the publication has it')),
  commitment: v.pipe(v.string(), v.regex(COMMITMENT), v.description('As the publication has it')),
  stamp: v.pipe(v.string(), v.regex(STAMP), v.description('As the publication has it')),
});
const reportAnswer = v.strictObject({
  attestation: v.pipe(
    v.string(),
    v.description('JWT for the moderators; it says what was relayed, not what it says'),
  ),
});

export interface ReportRouteParts extends ModerationParts {
  readonly verifier: Verifier;
  readonly signer: Signer;
  readonly throttle: Throttle;
  readonly franking: Franking;
  readonly random: Random;
}

/** Attests what was relayed in a channel, to its members; what the message says stays with them and the moderators. */
export function reportRoutes(parts: ReportRouteParts) {
  return new Hono<CallerEnv>().post(
    '/v1/channels/:channelId/reports',
    describe({
      summary: 'Attest a message for a report',
      description:
        'For members: proof that a message was relayed here, from whom and in which hour, up to 14 days later. The report ' +
        'itself, with what the message says, goes to the moderators, encrypted, and never comes here.',
      tag: 'channels',
      needsCaller: true,
      takesBody: true,
      status: 200,
      answer: reportAnswer,
      failures: ['session_ended', 'forbidden', 'report_refused', 'bad_request'],
    }),
    requireCaller(parts),
    pathParameters(channelPath),
    requireJson,
    jsonBody(reportRequest),
    async (c) => {
      const asked = { caller: c.get('caller'), requestId: c.get('requestId'), parts };
      return c.json(await attest({ ...c.req.valid('param'), ...c.req.valid('json') }, asked), 200);
    },
  );
}

type Report = { readonly channelId: string } & v.InferOutput<typeof reportRequest>;

async function attest(report: Report, asked: Asked & { readonly parts: ReportRouteParts }) {
  const { caller, requestId, parts } = asked;
  const { tags, throttle, franking, signer, clock, random } = parts;
  const { channelId, message, from, commitment, stamp } = report;
  throttle.draw(requestId, 'report', tags.account(caller.userId));
  const channel = await requireMember(channelId, asked);
  await throttle.pass(requestId);
  const relayed = { channel, from, id: message, commitment };
  const hour = await franking.relayedIn(relayed, stamp, clock.now());
  if (hour === undefined) throw new Failure('report_refused');
  const claims = { jti: random.id(), channel: channelId, message, from, commitment, hour: String(hour) };
  return { attestation: await signer.sign('report', claims, clock.now()) };
}

/** The tag of the channel, whose member the caller is now. */
async function requireMember(channelId: string, { caller, requestId, parts }: Asked) {
  const { tags, lookup, clock } = parts;
  const member = await wantMember(tags, channelId, caller.userId);
  const finds = await lookup.find({ ...(await wantCaller(tags, caller)), members: [member] }, requestId);
  await lookup.keep(finds.copies);
  requireLive(finds, clock.now());
  const { role, banned } = standingOf(finds.members[0], dayOf(clock.now()));
  if (role === 'none' || banned !== undefined) throw new Failure('forbidden');
  return member.channel;
}
