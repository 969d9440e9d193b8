import { Hono } from 'hono';
import * as v from 'valibot';
import type { EdgeEnv } from '../access.ts';
import type { EdgeConfig } from '../config.ts';
import { describe } from '../openapi.ts';

const answerSchema = v.strictObject({
  policy: v.picklist(['open', 'invite', 'oidc']),
  oidc: v.optional(
    v.strictObject({
      issuer: v.pipe(v.string(), v.description('Issuer of the ID tokens it takes')),
      clientId: v.pipe(v.string(), v.description('Client they must be made out to')),
    }),
  ),
  totp: v.pipe(
    v.picklist(['optional', 'required']),
    v.description('Whether accounts must have a second factor'),
  ),
});

export interface SignUpRouteParts {
  readonly signUp: EdgeConfig['signUp'];
  readonly oidcIssuer: string;
  readonly oidcClientId: string;
  readonly totpPolicy: EdgeConfig['totpPolicy'];
}

/** `GET /v1/sign-up`: what signing up takes here. Asks nothing. */
export function signUpRoutes({ signUp, oidcIssuer, oidcClientId, totpPolicy }: SignUpRouteParts) {
  const description = describe({
    summary: 'What signing up takes',
    description:
      'Tells a client what to ask a person for before it makes a key: an invitation, an ID token, or nothing.',
    tag: 'identity',
    status: 200,
    answer: answerSchema,
    failures: [],
  });
  const answer: v.InferOutput<typeof answerSchema> = {
    policy: signUp,
    totp: totpPolicy,
    ...(signUp === 'oidc' && { oidc: { issuer: oidcIssuer, clientId: oidcClientId } }),
  };
  return new Hono<EdgeEnv>().get('/v1/sign-up', description, (c) => c.json(answer, 200));
}
