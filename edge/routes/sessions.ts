import { Hono } from 'hono';
import * as v from 'valibot';
import { Failure, isFailure } from '../../shared/failure.ts';
import type { Tag } from '../../shared/frame.ts';
import type { Factor } from '../../shared/internal/accounts.ts';
import { errorFields, type Log } from '../../shared/log.ts';
import type { AccessClaims, Signer } from '../../shared/token.ts';
import type { EdgeEnv } from '../access.ts';
import type { BanTags } from '../bans.ts';
import { jsonBody, requireJson } from '../body.ts';
import type { EdgeConfig } from '../config.ts';
import { sessionCopy } from '../copies.ts';
import { addDays, dayOf } from '../days.ts';
import type { Gate, ProvenDevice } from '../gate.ts';
import type { Lookup } from '../lookup.ts';
import { describe } from '../openapi.ts';
import type { Clock, Copy, OriginApi, Random } from '../ports.ts';
import { FIRST_VERSION, type Records, type SessionRecord } from '../records.ts';
import { assertionSchema, millisecondsSchema, SHOWN, sessionIdSchema } from '../schemas.ts';
import { isAnyShown, type SecondFactor, type Shown } from '../second-factor.ts';
import { ABSOLUTE_DAYS, ACCESS_LIFE_MS, remainingMs, requireSession } from '../session.ts';
import type { Tags } from '../tags.ts';
import { type Want, wantSession } from '../wants.ts';

const requestSchema = v.strictObject({ assertion: assertionSchema });
const signInSchema = v.strictObject({ assertion: assertionSchema, ...SHOWN });
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
  readonly banTags: BanTags;
  readonly records: Records;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: Random;
  readonly secondFactor: SecondFactor;
  readonly totpPolicy: EdgeConfig['totpPolicy'];
}

/** `POST /v1/sessions` opens a session, `POST /v1/sessions/renew` keeps one; both by an assertion of the device. */
export function sessionRoutes(parts: SessionParts) {
  const { gate } = parts;
  return new Hono<EdgeEnv>()
    .post('/v1/sessions', describeSignIn(), requireJson, jsonBody(signInSchema), async (c) => {
      const requestId = c.get('requestId');
      const { assertion, ...shown } = c.req.valid('json');
      const recalls = isAnyShown(shown);
      const proven = await gate.prove('sign-in', { assertion, requestId, recalls });
      return c.json(await answer(await open(proven, { shown, parts, requestId }), parts), 201);
    })
    .post('/v1/sessions/renew', describeRenewal(), requireJson, jsonBody(requestSchema), async (c) => {
      const requestId = c.get('requestId');
      const proven = await gate.prove('renew', { assertion: c.req.valid('json').assertion, requestId });
      return c.json(await answer(await renew(proven, { parts, requestId }), parts), 200);
    });
}

interface Call {
  readonly parts: SessionParts;
  readonly requestId: string;
}

/** A session that lives, and what its access token says about the second factor. */
interface Opened {
  readonly record: SessionRecord;
  readonly factor: AccessClaims['factor'];
}

/**
 * Writes the session. Its hot copy is put at the same time, which is safe even when the write fails: the id is random,
 * and nobody is told it then.
 */
async function open(proven: ProvenDevice, call: Call & { readonly shown: Shown }): Promise<Opened> {
  const { userId, deviceId, device, totp, memory } = proven;
  const { origin, lookup, tags, banTags, records, clock, random, secondFactor, totpPolicy } = call.parts;
  const { shown, requestId } = call;
  const nowMs = clock.now();
  const createdOn = dayOf(nowMs);
  const record = { userId, deviceId, sessionId: random.id(), createdOn, renewedOn: createdOn };
  const want = await wantSession(tags, record);
  const version = FIRST_VERSION;
  const sealed = await records.seal('session', { tags: want.tags, version }, record);
  const account = totp.want.tag;
  const session = {
    session: want.tag,
    device: device.tag,
    account,
    sealed,
    expiresOn: addDays(createdOn, ABSOLUTE_DAYS),
    unless: await banTags.all(userId),
  };
  const copy = sessionCopy(want.tag, { version, sealed }, nowMs);
  const submit = async (factor: Factor, copies: readonly Copy[]) => {
    const isHopeless = factor.attempt?.proof.kind === 'wrong';
    const [answer] = await Promise.all([
      origin.createSession({ ...session, factor }, requestId),
      lookup.keep([...proven.copies, ...copies, ...(isHopeless ? [] : [copy])]),
    ]);
    return answer;
  };
  const showing = { userId, account, device: device.tag, shown, totp: totp.found, memory, requestId, submit };
  const { answer, isShown, isOn } = await secondFactor.settle(showing);
  if (answer.result === 'missing') throw new Failure('credentials_refused');
  return { record, factor: isShown ? 'fresh' : isOn || totpPolicy === 'optional' ? undefined : 'enrol' };
}

/** Moves the idle limit on, at most once a day; throws `session_ended`. */
async function renew({ device, session, totp, copies }: ProvenDevice, call: Call): Promise<Opened> {
  const nowMs = call.parts.clock.now();
  const { record, version } = requireSession(session?.found, nowMs);
  const renewed = { ...record, renewedOn: dayOf(nowMs) };
  const isNewDay = session !== undefined && renewed.renewedOn !== record.renewedOn;
  const [factor] = await Promise.all([
    factorOfRenewal(totp, call),
    isNewDay
      ? moveOn({ want: session.want, device: device.tag, version: version + 1, renewed, copies }, call)
      : call.parts.lookup.keep(copies),
  ]);
  return { record: renewed, factor };
}

interface Renewal {
  readonly want: Want;
  readonly device: Tag;
  readonly version: number;
  readonly renewed: SessionRecord;
  /** What the proof has brought to light, for the state Redis to hold. */
  readonly copies: readonly Copy[];
}

/**
 * Writes the renewed record, beside its copy. An origin that does not answer is no reason to send anybody away: the copy
 * counts until the next day's renewal. Throws `session_ended` when the origin has none any more.
 */
async function moveOn({ want, device, version, renewed, copies }: Renewal, { parts, requestId }: Call) {
  const { origin, lookup, records, clock, log } = parts;
  const sealed = await records.seal('session', { tags: want.tags, version }, renewed);
  const copy = sessionCopy(want.tag, { version, sealed }, clock.now());
  const write = async () => {
    try {
      return await origin.renewSession({ session: want.tag, device, sealed, version }, requestId);
    } catch (error) {
      if (!isFailure(error, 'unavailable')) throw error;
      log('warn', 'session.not_renewed', { part: 'origin', requestId, ...errorFields(error) });
      return undefined;
    }
  };
  const [written] = await Promise.all([
    write(),
    lookup.keep([...copies.filter(({ tag }) => tag !== want.tag), copy]),
  ]);
  if (written?.result === 'missing') throw new Failure('session_ended');
}

/** Under a policy that requires a second factor, what is no "on" for sure is asked of the origin. */
async function factorOfRenewal(
  { want, found }: ProvenDevice['totp'],
  { parts, requestId }: Call,
): Promise<Opened['factor']> {
  if (parts.totpPolicy === 'optional' || found?.record.state === 'on') return undefined;
  const { totp } = await parts.lookup.inOrigin({ totp: want }, requestId);
  return totp?.record.state === 'on' ? undefined : 'enrol';
}

async function answer(
  { record, factor }: Opened,
  { signer, clock }: SessionParts,
): Promise<v.InferOutput<typeof answerSchema>> {
  const { userId, deviceId, sessionId } = record;
  const nowMs = clock.now();
  return {
    sessionId,
    accessToken: await signer.sign(
      'access',
      { sub: userId, device: deviceId, sid: sessionId, ...(factor === undefined ? {} : { factor }) },
      nowMs,
    ),
    accessExpiresInMs: ACCESS_LIFE_MS,
    sessionExpiresInMs: remainingMs(record, nowMs),
  };
}

function describeSignIn() {
  return describe({
    summary: 'Sign in',
    description:
      'Opens a session of the device that signed. The assertion has purpose `sign-in`, the user id as `sub` and the ' +
      'device id as `kid`. Unknown user, unknown device and wrong key are refused alike. An account with a second ' +
      'factor needs `totp` or `recoveryCode` as well.',
    tag: 'identity',
    takesBody: true,
    status: 201,
    answer: answerSchema,
    failures: [
      'credentials_refused',
      'assertion_replayed',
      'second_factor_required',
      'second_factor_refused',
      'second_factor_locked',
      'unavailable',
    ],
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
