import { Hono } from 'hono';
import * as v from 'valibot';
import { DEVICES_MAX } from '../../shared/internal/devices.ts';
import { LIMITS } from '../../shared/limits.ts';
import { type Signer, TOKEN_KINDS, type Verifier } from '../../shared/token.ts';
import { type CallerEnv, requireCaller } from '../access.ts';
import { jsonBody, requireJson } from '../body.ts';
import { dayOf } from '../days.ts';
import type { Directory, ListedDevice, LookedUp } from '../directory.ts';
import { describe } from '../openapi.ts';
import type { Offer } from '../packages.ts';
import type { Clock } from '../ports.ts';
import {
  deviceIdSchema,
  keyPackageSchema,
  logEntrySchema,
  millisecondsSchema,
  sequenceSchema,
  tagSchema,
  userIdSchema,
} from '../schemas.ts';
import type { Tags } from '../tags.ts';
import type { Throttle } from '../throttle.ts';

const requestSchema = v.strictObject({
  users: v.pipe(
    v.array(userIdSchema),
    v.minLength(1),
    v.maxLength(LIMITS.usersPerLookup),
    v.description('Users to look up; a repeated one is answered once'),
  ),
  packages: v.pipe(v.boolean(), v.description('Whether to take a key package of each of their devices')),
});
const answerSchema = v.strictObject({
  users: v.array(
    v.strictObject({
      userId: userIdSchema,
      sequence: sequenceSchema,
      entry: logEntrySchema,
      devices: v.pipe(
        v.array(
          v.strictObject({
            deviceId: deviceIdSchema,
            mailbox: tagSchema,
            package: v.optional(keyPackageSchema),
            isLastResort: v.optional(v.literal(true)),
          }),
        ),
        v.maxLength(DEVICES_MAX),
      ),
    }),
  ),
  grants: v.optional(v.pipe(v.string(), v.description('Right to put items into these mailboxes'))),
  grantsExpireInMs: v.optional(millisecondsSchema('Life of the grants')),
});
type Answer = v.InferOutput<typeof answerSchema>;

export interface KeyLookupParts {
  readonly directory: Directory;
  readonly verifier: Verifier;
  readonly signer: Signer;
  readonly throttle: Throttle;
  readonly tags: Tags;
  readonly clock: Clock;
}

/** `POST /v1/keys/lookup`: the devices of users, what to encrypt to, and the right to write to them. */
export function keyLookupRoutes(parts: KeyLookupParts) {
  const { directory } = parts;
  const description = describe({
    summary: 'Look up keys of users',
    description:
      'Of each user that has keys the newest entry of the key log, and with `packages` one key package of each device, ' +
      'which nobody else gets unless it is the last resort. Users who do not exist are left out like those without keys.',
    tag: 'keys',
    needsCaller: true,
    takesBody: true,
    status: 200,
    answer: answerSchema,
    failures: ['session_ended', 'unavailable'],
  });
  return new Hono<CallerEnv>().post(
    '/v1/keys/lookup',
    description,
    requireCaller(parts),
    requireJson,
    jsonBody(requestSchema),
    async (c) => {
      const { users, packages: takesPackages } = c.req.valid('json');
      const [caller, requestId] = [c.get('caller'), c.get('requestId')];
      const found = await directory.lookUp({
        userIds: [...new Set(users)],
        takesPackages,
        caller,
        requestId,
      });
      const reachable = reachableFrom(found);
      const grants = await grantsFor(reachable, { session: found.session, userId: caller.userId, parts });
      return c.json({ users: reachable.map((user) => answerOf(user, found)), ...grants }, 200);
    },
  );
}

/**
 * Whom the caller may write to, which is who gets into the answer and the grants: everybody who has keys. That is the only
 * rule so far; this is where another one belongs.
 */
function reachableFrom({ listed }: LookedUp): LookedUp['listed'] {
  return listed;
}

function answerOf(
  { userId, entry, devices }: LookedUp['listed'][number],
  { offers }: LookedUp,
): Answer['users'][number] {
  return {
    userId,
    sequence: entry.sequence,
    entry: entry.text,
    devices: devices.map((device) => deviceOf(device, offers.get(device.list))),
  };
}

function deviceOf({ deviceId, mailbox }: ListedDevice, offer: Offer | undefined) {
  if (offer === undefined) return { deviceId, mailbox };
  const { isLastResort } = offer;
  return { deviceId, mailbox, package: offer.package, ...(isLastResort ? { isLastResort } : {}) };
}

/** Bound to the session, and under a sender who is another one every day, so that quotas hold and nobody is followed. */
async function grantsFor(
  users: LookedUp['listed'],
  { session, userId, parts }: { session: string; userId: string; parts: KeyLookupParts },
): Promise<Pick<Answer, 'grants' | 'grantsExpireInMs'>> {
  const { signer, tags, clock } = parts;
  const mailboxes = users.flatMap(({ devices }) => devices.map(({ mailbox }) => mailbox));
  if (mailboxes.length === 0) return {};
  const nowMs = clock.now();
  const sender = await tags.sender(userId, dayOf(nowMs));
  return {
    grants: await signer.sign('mailboxes', { session, sender, mailboxes }, nowMs),
    grantsExpireInMs: TOKEN_KINDS.mailboxes.lifeSeconds * 1_000,
  };
}
