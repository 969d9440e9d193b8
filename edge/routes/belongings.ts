import { Hono } from 'hono';
import * as v from 'valibot';
import type { RevocationTarget } from '../../shared/internal/devices.ts';
import type { Verifier } from '../../shared/token.ts';
import { type Caller, type CallerEnv, requireCaller } from '../access.ts';
import type { Belongings } from '../belongings.ts';
import { pathParameters, queryParameters } from '../body.ts';
import type { Endings } from '../endings.ts';
import type { Lookup } from '../lookup.ts';
import { describe } from '../openapi.ts';
import type { Clock } from '../ports.ts';
import { daySchema, deviceIdSchema, sessionIdSchema } from '../schemas.ts';
import { requireLive } from '../session.ts';
import type { Tags } from '../tags.ts';
import type { Throttle } from '../throttle.ts';
import { wantCaller } from '../wants.ts';

const sessionsAnswer = v.strictObject({
  sessions: v.array(
    v.strictObject({
      sessionId: sessionIdSchema,
      deviceId: deviceIdSchema,
      createdOn: daySchema,
      renewedOn: daySchema,
      isCurrent: v.pipe(v.boolean(), v.description('The session that asks')),
    }),
  ),
});
const devicesAnswer = v.strictObject({
  devices: v.array(
    v.strictObject({
      deviceId: deviceIdSchema,
      isCurrent: v.pipe(v.boolean(), v.description('The device that asks')),
    }),
  ),
});
const doneAnswer = v.strictObject({});
const sessionPath = v.strictObject({ sessionId: v.union([v.literal('current'), sessionIdSchema]) });
const sessionsQuery = v.strictObject({ keep: v.optional(v.literal('current')) });
const devicePath = v.strictObject({ deviceId: deviceIdSchema });

export interface BelongingRouteParts {
  readonly verifier: Verifier;
  readonly throttle: Throttle;
  readonly lookup: Lookup;
  readonly belongings: Belongings;
  readonly endings: Endings;
  readonly tags: Tags;
  readonly clock: Clock;
}

interface Call {
  readonly caller: Caller;
  readonly requestId: string;
}

/** What the caller's account has, and how its parts are ended. */
export function belongingRoutes(parts: BelongingRouteParts) {
  const { endings, belongings, tags } = parts;
  const callOf = (c: { get(key: 'caller'): Caller; get(key: 'requestId'): string }): Call => ({
    caller: c.get('caller'),
    requestId: c.get('requestId'),
  });
  const guard = requireCaller(parts);
  return new Hono<CallerEnv>()
    .get('/v1/sessions', describeSessions(), guard, async (c) => {
      const call = callOf(c);
      const sessions = await whileLive(call, { parts, list: belongings.sessions });
      const { sessionId: current } = call.caller;
      return c.json({
        sessions: sessions.map(({ sessionId, deviceId, createdOn, renewedOn }) => ({
          sessionId,
          deviceId,
          createdOn,
          renewedOn,
          isCurrent: sessionId === current,
        })),
      });
    })
    .delete('/v1/sessions', describeEndAll(), guard, queryParameters(sessionsQuery), async (c) => {
      const call = callOf(c);
      const isKept = c.req.valid('query').keep === 'current';
      const except = isKept ? { except: await tags.session(call.caller.sessionId) } : {};
      await endings.end({ what: 'sessions', ...except }, call);
      return c.json({});
    })
    .delete('/v1/sessions/:sessionId', describeEnd(), guard, pathParameters(sessionPath), async (c) => {
      const call = callOf(c);
      const { sessionId } = c.req.valid('param');
      const id = sessionId === 'current' ? call.caller.sessionId : sessionId;
      await endings.end({ what: 'session', session: await tags.session(id) }, call);
      return c.json({});
    })
    .get('/v1/devices', describeDevices(), guard, async (c) => {
      const call = callOf(c);
      const devices = await whileLive(call, { parts, list: belongings.devices });
      const { deviceId: current } = call.caller;
      return c.json({
        devices: devices.map(({ deviceId }) => ({ deviceId, isCurrent: deviceId === current })),
      });
    })
    .delete('/v1/devices/:deviceId', describeRemoval(), guard, pathParameters(devicePath), async (c) => {
      const call = callOf(c);
      const device = await tags.device(call.caller.userId, c.req.valid('param').deviceId);
      await endings.end({ what: 'device', device } satisfies RevocationTarget, call);
      return c.json({});
    })
    .delete('/v1/account', describeDeletion(), guard, async (c) => {
      await endings.end({ what: 'account' }, callOf(c));
      return c.json({});
    });
}

interface Listing<T> {
  readonly parts: BelongingRouteParts;
  readonly list: (account: string, requestId: string) => Promise<readonly T[]>;
}

/** Lists beside looking whether the caller lives; throws `session_ended` when it does not. */
async function whileLive<T>({ caller, requestId }: Call, { parts, list }: Listing<T>): Promise<readonly T[]> {
  const { lookup, tags, clock } = parts;
  const [own, account] = await Promise.all([wantCaller(tags, caller), tags.account(caller.userId)]);
  const [finds, found] = await Promise.all([lookup.find(own, requestId), list(account, requestId)]);
  requireLive(finds, clock.now());
  await lookup.keep(finds.copies);
  return found;
}

const OWN = { tag: 'identity', needsCaller: true, status: 200 } as const;

function describeSessions() {
  return describe({
    ...OWN,
    summary: 'List own sessions',
    description: 'Those of every device of the account that live; at most 500, newest first to stay.',
    answer: sessionsAnswer,
    failures: ['session_ended', 'unavailable'],
  });
}

function describeEnd() {
  return describe({
    ...OWN,
    summary: 'End a session',
    description:
      'Any session of the account, or the calling one as `current`, which is signing out. Its sockets close within 2 s. ' +
      'Idempotent for some days.',
    answer: doneAnswer,
    failures: ['bad_request', 'session_ended', 'not_found', 'unavailable'],
  });
}

function describeEndAll() {
  return describe({
    ...OWN,
    summary: 'End every session',
    description: 'Of every device of the account; with `keep=current` all but the calling one.',
    answer: doneAnswer,
    failures: ['bad_request', 'session_ended', 'unavailable'],
  });
}

function describeDevices() {
  return describe({
    ...OWN,
    summary: 'List own devices',
    answer: devicesAnswer,
    failures: ['session_ended', 'unavailable'],
  });
}

function describeRemoval() {
  return describe({
    ...OWN,
    summary: 'Remove a device',
    description:
      'Its sessions end and its sockets close within 2 s; its key cannot be added again for some days. The last device ' +
      'of an account stays: `conflict`.',
    answer: doneAnswer,
    failures: ['bad_request', 'session_ended', 'not_found', 'conflict', 'unavailable'],
  });
}

function describeDeletion() {
  return describe({
    ...OWN,
    summary: 'Delete the account',
    description:
      'With its devices and sessions. What stays is a keyed pseudonym of the account, so that nobody takes its place. ' +
      'Memberships are the channels’: leave them first.',
    answer: doneAnswer,
    failures: ['session_ended', 'unavailable'],
  });
}
