import { Hono } from 'hono';
import * as v from 'valibot';
import { Failure } from '../../shared/failure.ts';
import type { Tag } from '../../shared/frame.ts';
import { LIMITS } from '../../shared/limits.ts';
import type { Verifier } from '../../shared/token.ts';
import { type CallerEnv, requireCaller } from '../access.ts';
import { jsonBody, requireJson } from '../body.ts';
import type { Lookup } from '../lookup.ts';
import { describe } from '../openapi.ts';
import type { Clock, OriginApi } from '../ports.ts';
import { dataSchema, grantsSchema, messageIdSchema, tagSchema } from '../schemas.ts';
import { requireLive } from '../session.ts';
import type { Tags } from '../tags.ts';
import type { Throttle } from '../throttle.ts';
import { wantCaller } from '../wants.ts';

const itemSchema = v.strictObject({ mailbox: tagSchema, id: messageIdSchema, data: dataSchema });
const requestSchema = v.strictObject({
  grants: grantsSchema,
  items: v.pipe(v.array(itemSchema), v.minLength(1), v.maxLength(LIMITS.itemsPerCall)),
});
const answerSchema = v.strictObject({
  items: v.array(
    v.strictObject({
      mailbox: tagSchema,
      code: v.optional(v.pipe(v.string(), v.description('Why this item was not queued'))),
      retry: v.optional(v.pipe(v.string(), v.description('What the sender should do about it'))),
    }),
  ),
});

export interface MailboxParts {
  readonly verifier: Verifier;
  readonly throttle: Throttle;
  readonly lookup: Lookup;
  readonly origin: OriginApi;
  readonly tags: Tags;
  readonly clock: Clock;
}

/** `POST /v1/mailboxes/items`: the socket's `send`, for an app's backend that has no socket. */
export function mailboxRoutes(parts: MailboxParts) {
  const { lookup, origin, tags, clock } = parts;
  return new Hono<CallerEnv>().post(
    '/v1/mailboxes/items',
    describe({
      summary: 'Put ciphertext into mailboxes',
      description:
        'As `send` over a socket, under the grants of `POST /v1/keys/lookup`. Each item has its own verdict; the same id ' +
        'again, after a lost answer, is the same item. Whether a device is connected is told to nobody.',
      tag: 'keys',
      needsCaller: true,
      takesBody: true,
      status: 200,
      answer: answerSchema,
      failures: ['session_ended', 'grant_refused', 'grant_expired', 'grant_required', 'bad_request'],
    }),
    requireCaller(parts),
    requireJson,
    jsonBody(requestSchema),
    async (c) => {
      const [{ grants, items }, requestId] = [c.req.valid('json'), c.get('requestId')];
      const want = await wantCaller(tags, c.get('caller'));
      const granted = await grantedBy(grants, want.session.tag, parts);
      if (items.some(({ mailbox }) => !granted.mailboxes.includes(mailbox)))
        throw new Failure('grant_required');
      requireLive(await lookup.find(want, requestId), clock.now());
      const { items: verdicts } = await origin.mail({ sender: granted.sender, items }, requestId);
      return c.json({ items: [...verdicts] }, 200);
    },
  );
}

/** What the edge granted to this very session; throws `grant_refused` or `grant_expired`. */
async function grantedBy(grants: string, session: Tag, { verifier, clock }: MailboxParts) {
  const claims = await verifier.verify('mailboxes', grants, clock.now());
  if (claims === 'expired') throw new Failure('grant_expired');
  if (claims === 'refused' || claims.session !== session) throw new Failure('grant_refused');
  return claims;
}
