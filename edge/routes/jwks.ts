import { Hono } from 'hono';
import * as v from 'valibot';
import type { PublicKeys } from '../../shared/token.ts';
import type { EdgeEnv } from '../access.ts';
import { describe } from '../openapi.ts';

const answerSchema = v.strictObject({
  keys: v.array(
    v.looseObject({
      kty: v.literal('OKP'),
      crv: v.literal('Ed25519'),
      x: v.string(),
      kid: v.string(),
      alg: v.literal('Ed25519'),
      use: v.literal('sig'),
    }),
  ),
});

/** `GET /.well-known/jwks.json`: the public halves of the signing keys (RFC 7517 §5). */
export function jwksRoutes({ publicKeys }: { publicKeys: PublicKeys }) {
  const description = describe({
    summary: 'Public keys of the tokens',
    tag: 'service',
    status: 200,
    answer: answerSchema,
    failures: [],
  });
  return new Hono<EdgeEnv>().get('/.well-known/jwks.json', description, (c) => c.json(publicKeys, 200));
}
