import { Hono } from 'hono';
import * as v from 'valibot';
import { Failure } from '../../shared/failure.ts';
import type { Signer } from '../../shared/token.ts';
import type { EdgeEnv } from '../access.ts';
import { jsonBody, requireJson } from '../body.ts';
import { sessionCopy } from '../copies.ts';
import { addDays, dayOf } from '../days.ts';
import type { Gate, ProvenDevice } from '../gate.ts';
import type { Lookup } from '../lookup.ts';
import { describe } from '../openapi.ts';
import type { Clock, Copy, OriginApi, Random } from '../ports.ts';
import { FIRST_VERSION, type Records, type SessionRecord } from '../records.ts';
import { assertionSchema, millisecondsSchema, sessionIdSchema } from '../schemas.ts';
import { ABSOLUTE_DAYS, ACCESS_LIFE_MS, remainingMs, requireSession } from '../session.ts';
import type { Tags } from '../tags.ts';
import { wantSession } from '../wants.ts';

const requestSchema = v.strictObject({ assertion: assertionSchema });
const answerSchema = v.strictObject({
  sessionId: sessionIdSchema,
  accessToken: v.pipe(v.string(), v.description('Bearer token of the other calls')),
  accessExpiresInMs: millisecondsSchema('Life of the access token'),
  sessionExpiresInMs: millisecondsSchema('Until the session ends unless it is renewed'),
});

export interface SessionParts {
  readonly gate: Gate;
  readonly lookup: Lookup;
  readonly origin: OriginApi;
  readonly tags: Tags;
  readonly records: Records;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly random: Random;
}

/** `POST /v1/sessions` opens a session, `POST /v1/sessions/renew` keeps one; both by an assertion of the device. */
export function sessionRoutes(parts: SessionParts) {
  const { gate } = parts;
  return new Hono<EdgeEnv>()
    .post('/v1/sessions', describeSignIn(), requireJson, jsonBody(requestSchema), async (c) => {
      const requestId = c.get('requestId');
      const proven = await gate.prove('sign-in', { assertion: c.req.valid('json').assertion, requestId });
      return c.json(await answer(await open(proven, { parts, requestId }), parts), 201);
    })
    .post('/v1/sessions/renew', describeRenewal(), requireJson, jsonBody(requestSchema), async (c) => {
      const requestId = c.get('requestId');
      const proven = await gate.prove('renew', { assertion: c.req.valid('json').assertion, requestId });
      return c.json(await answer(await renew(proven, parts), parts), 200);
    });
}

interface Call {
  readonly parts: SessionParts;
  readonly requestId: string;
}

/**
 * Writes the session. Its hot copy is put at the same time, which is safe even when the write fails: the id is random,
 * and nobody is told it then.
 */
async function open({ userId, deviceId, device, copies }: ProvenDevice, call: Call): Promise<SessionRecord> {
  const { origin, lookup, tags, records, clock, random } = call.parts;
  const nowMs = clock.now();
  const createdOn = dayOf(nowMs);
  const record = { userId, deviceId, sessionId: random.id(), createdOn, renewedOn: createdOn };
  const want = await wantSession(tags, record);
  const version = FIRST_VERSION;
  const sealed = await records.seal('session', { tags: want.tags, version }, record);
  const account = await tags.account(userId);
  const expiresOn = addDays(createdOn, ABSOLUTE_DAYS);
  const [{ result }] = await Promise.all([
    origin.createSession(
      { session: want.tag, device: device.tag, account, sealed, expiresOn },
      call.requestId,
    ),
    lookup.keep([...copies, sessionCopy(want.tag, { version, sealed }, nowMs)]),
  ]);
  if (result === 'missing') throw new Failure('credentials_refused');
  return record;
}

/** Moves the idle limit on, at most once a day; throws `session_ended`. */
async function renew({ session, copies }: ProvenDevice, parts: SessionParts): Promise<SessionRecord> {
  const { lookup, records, clock } = parts;
  const nowMs = clock.now();
  const { record, version } = requireSession(session?.found, nowMs);
  const renewed = { ...record, renewedOn: dayOf(nowMs) };
  const fresh: Copy[] = [];
  if (session !== undefined && renewed.renewedOn !== record.renewedOn) {
    const sealed = await records.seal('session', { tags: session.want.tags, version }, renewed);
    fresh.push(sessionCopy(session.want.tag, { version, sealed }, nowMs));
  }
  const replaced = new Set(fresh.map(({ tag }) => tag));
  await lookup.keep([...copies.filter(({ tag }) => !replaced.has(tag)), ...fresh]);
  return renewed;
}

async function answer(
  record: SessionRecord,
  { signer, clock }: SessionParts,
): Promise<v.InferOutput<typeof answerSchema>> {
  const { userId, deviceId, sessionId } = record;
  const nowMs = clock.now();
  return {
    sessionId,
    accessToken: await signer.sign('access', { sub: userId, device: deviceId, sid: sessionId }, nowMs),
    accessExpiresInMs: ACCESS_LIFE_MS,
    sessionExpiresInMs: remainingMs(record, nowMs),
  };
}

function describeSignIn() {
  return describe({
    summary: 'Sign in',
    description:
      'Opens a session of the device that signed. The assertion has purpose `sign-in`, the user id as `sub` and the ' +
      'device id as `kid`. Unknown user, unknown device and wrong key are refused alike.',
    tag: 'identity',
    takesBody: true,
    status: 201,
    answer: answerSchema,
    failures: ['credentials_refused', 'assertion_replayed', 'unavailable'],
  });
}

function describeRenewal() {
  return describe({
    summary: 'Renew a session',
    description:
      'Gives the same session a new access token. The assertion has purpose `renew` and names it as `sid`.',
    tag: 'identity',
    takesBody: true,
    status: 200,
    answer: answerSchema,
    failures: ['credentials_refused', 'assertion_replayed', 'session_ended', 'unavailable'],
  });
}
