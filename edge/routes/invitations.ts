import { Hono } from 'hono';
import * as v from 'valibot';
import { INVITATION_USES_MAX } from '../../shared/internal/accounts.ts';
import { TOKEN_KINDS, type Verifier } from '../../shared/token.ts';
import { type CallerEnv, requireCaller } from '../access.ts';
import { jsonBody, requireJson } from '../body.ts';
import type { Lookup } from '../lookup.ts';
import { describe } from '../openapi.ts';
import type { Operators } from '../operators.ts';
import type { Clock } from '../ports.ts';
import { invitationSchema, millisecondsSchema } from '../schemas.ts';
import { requireLive } from '../session.ts';
import type { SignUpPolicy } from '../sign-up.ts';
import { checkStepUp } from '../step-up.ts';
import type { Tags } from '../tags.ts';
import type { Throttle } from '../throttle.ts';
import { wantCaller, wantTotp } from '../wants.ts';

const requestSchema = v.strictObject({
  uses: v.pipe(
    v.number(),
    v.integer(),
    v.minValue(1),
    v.maxValue(INVITATION_USES_MAX),
    v.description('How many accounts it may let in'),
  ),
});
const answerSchema = v.strictObject({
  invitation: invitationSchema,
  expiresInMs: millisecondsSchema('Until it lets nobody in any more'),
});

export interface InvitationParts {
  readonly verifier: Verifier;
  readonly throttle: Throttle;
  readonly operators: Operators;
  readonly signUpPolicy: SignUpPolicy;
  readonly lookup: Lookup;
  readonly tags: Tags;
  readonly clock: Clock;
}

/** `POST /v1/invitations`: an operator makes an invitation to sign up. One trip; nothing is stored. */
export function invitationRoutes(parts: InvitationParts) {
  const { operators, signUpPolicy, lookup, tags, throttle, clock } = parts;
  const description = describe({
    summary: 'Make an invitation to sign up',
    description:
      'For operators, whom the configuration names. Needs a step-up where there is a second factor.',
    tag: 'identity',
    needsCaller: true,
    takesBody: true,
    status: 201,
    answer: answerSchema,
    failures: ['forbidden', 'session_ended', 'step_up_required'],
  });
  return new Hono<CallerEnv>().post(
    '/v1/invitations',
    description,
    requireJson,
    requireCaller(parts),
    jsonBody(requestSchema),
    async (c) => {
      const caller = c.get('caller');
      const requestId = c.get('requestId');
      operators.requireOperator(caller);
      throttle.draw(requestId, 'invite', tags.account(caller.userId));
      const wants = { ...(await wantCaller(tags, caller)), totp: await wantTotp(tags, caller.userId) };
      const finds = await lookup.inOrigin(wants, requestId);
      requireLive(finds, clock.now());
      checkStepUp(caller, finds.totp);
      await throttle.pass(requestId);
      const answer = {
        invitation: await signUpPolicy.invite(c.req.valid('json').uses),
        expiresInMs: TOKEN_KINDS.invitation.lifeSeconds * 1_000,
      };
      return c.json(answer satisfies v.InferOutput<typeof answerSchema>, 201);
    },
  );
}
