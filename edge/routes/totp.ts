import { Hono } from 'hono';
import * as v from 'valibot';
import { Failure } from '../../shared/failure.ts';
import type { AttemptAnswer, Factor } from '../../shared/internal/accounts.ts';
import type { Signer, Verifier } from '../../shared/token.ts';
import { type Caller, type CallerEnv, requireCaller, requireEnroller } from '../access.ts';
import { jsonBody, requireJson } from '../body.ts';
import type { EdgeConfig } from '../config.ts';
import { readEnrolment, writeEnrolment } from '../enrolment.ts';
import type { Lookup } from '../lookup.ts';
import { describe } from '../openapi.ts';
import type { Clock, FactorKeys, FactorMemory, OriginApi, State } from '../ports.ts';
import type { Records, TotpRecord } from '../records.ts';
import { createRecoveryCodes, recoveryTag } from '../recovery.ts';
import { millisecondsSchema, SHOWN, totpSchema } from '../schemas.ts';
import { isAnyShown, type SecondFactor } from '../second-factor.ts';
import { ACCESS_LIFE_MS, requireLive } from '../session.ts';
import { checkStepUp } from '../step-up.ts';
import type { Tags } from '../tags.ts';
import type { Throttle } from '../throttle.ts';
import { createSecret, stepOf, uriOf } from '../totp.ts';
import { type Found, type Want, wantCaller, wantTotp } from '../wants.ts';

const enrolledSchema = v.strictObject({
  secret: v.pipe(v.string(), v.description('The same secret, to be typed, as base32')),
  uri: v.pipe(v.string(), v.description('otpauth: URI for authenticator apps, to be shown as a QR code')),
  expiresInMs: millisecondsSchema('Until the enrolment must be confirmed'),
});
const confirmedSchema = v.strictObject({
  recoveryCodes: v.pipe(v.array(v.string()), v.description('Shown this once; each signs in once')),
});
const steppedUpSchema = v.strictObject({
  accessToken: v.pipe(
    v.string(),
    v.description('Takes the place of the one before; good for sensitive calls'),
  ),
  accessExpiresInMs: millisecondsSchema('Life of the access token'),
});
const removedSchema = v.strictObject({ state: v.literal('off') });

export interface TotpParts {
  readonly publicUrl: string;
  readonly totpPolicy: EdgeConfig['totpPolicy'];
  readonly verifier: Verifier;
  readonly throttle: Throttle;
  readonly signer: Signer;
  readonly state: State;
  readonly origin: OriginApi;
  readonly lookup: Lookup;
  readonly records: Records;
  readonly secondFactor: SecondFactor;
  readonly tags: Tags;
  readonly clock: Clock;
}

/** Setting up, replacing, using and removing the second factor; each in two trips. */
export function totpRoutes(parts: TotpParts) {
  return new Hono<CallerEnv>()
    .post('/v1/totp', describeEnrolment(), requireEnroller(parts), async (c) => {
      const call = { caller: c.get('caller'), requestId: c.get('requestId'), parts };
      return c.json(await enrol(call), 201);
    })
    .post(
      '/v1/totp/confirm',
      describeConfirmation(),
      requireEnroller(parts),
      requireJson,
      jsonBody(v.strictObject({ code: totpSchema })),
      async (c) => {
        const call = { caller: c.get('caller'), requestId: c.get('requestId'), parts };
        return c.json(await confirm(c.req.valid('json').code, call), 201);
      },
    )
    .post(
      '/v1/totp/step-up',
      describeStepUp(),
      requireCaller(parts),
      requireJson,
      jsonBody(v.strictObject(SHOWN)),
      async (c) => {
        const call = { caller: c.get('caller'), requestId: c.get('requestId'), parts };
        return c.json(await stepUp(c.req.valid('json'), call), 200);
      },
    )
    .delete('/v1/totp', describeRemoval(), requireCaller(parts), async (c) => {
      const call = { caller: c.get('caller'), requestId: c.get('requestId'), parts };
      return c.json(await remove(call), 200);
    });
}

interface Call {
  readonly caller: Caller;
  readonly requestId: string;
  readonly parts: TotpParts;
}

async function enrol(call: Call): Promise<v.InferOutput<typeof enrolledSchema>> {
  const { caller, parts } = call;
  const { session, totp } = await look(call);
  checkStepUp(caller, totp);
  const secret = createSecret();
  const over = totp?.version ?? 0;
  const expiresInMs = await writeEnrolment({ userId: caller.userId, secret, over }, { session, ...parts });
  const issuer = new URL(parts.publicUrl).hostname;
  return { secret, uri: uriOf(secret, { issuer, label: caller.userId }), expiresInMs };
}

/** The code that confirms is used up with it, so that it does not sign in as well. */
async function confirm(code: string, call: Call): Promise<v.InferOutput<typeof confirmedSchema>> {
  const { caller, requestId, parts } = call;
  const { lookup, origin, tags, clock } = parts;
  const own = await wantCaller(tags, caller);
  const [found, enrolment] = await Promise.all([
    lookup.find(own, requestId),
    readEnrolment(own.session, parts),
  ]);
  requireLive(found, clock.now());
  if (enrolment === undefined) throw new Failure('conflict', { detail: 'No enrolment is pending' });
  const { userId, secret, over } = enrolment;
  const step = stepOf(code, { secret, nowMs: clock.now() });
  if (step === undefined) throw new Failure('second_factor_refused');
  const recoveryCodes = createRecoveryCodes();
  const change = await changeTo({ state: 'on', userId, secret }, { version: over + 1, parts });
  const [codes, used] = await Promise.all([
    Promise.all(recoveryCodes.map((recoveryCode) => recoveryTag(tags, userId, recoveryCode))),
    Promise.all([tags.step(userId, step), tags.step(userId, step - 1)]),
  ]);
  const { result } = await origin.changeTotp({ ...change, codes, used }, requestId);
  if (result === 'missing') throw new Failure('session_ended');
  if (result === 'stale')
    throw new Failure('conflict', { detail: 'The second factor was changed meanwhile' });
  return { recoveryCodes };
}

async function stepUp(
  shown: { totp?: string | undefined; recoveryCode?: string | undefined },
  call: Call,
): Promise<v.InferOutput<typeof steppedUpSchema>> {
  const { caller, requestId, parts } = call;
  const { origin, secondFactor, signer, tags, clock } = parts;
  if (!isAnyShown(shown)) throw new Failure('bad_request', { detail: 'Neither totp nor recoveryCode' });
  const { userId, deviceId, sessionId } = caller;
  const [account, device] = await Promise.all([tags.account(userId), tags.device(userId, deviceId)]);
  const { totp, memory } = await look(call, { account, device });
  const submit = async ({ version, attempt }: Factor): Promise<AttemptAnswer> => {
    if (attempt === undefined) throw new Failure('conflict', { detail: 'No second factor is set up' });
    return origin.attempt({ account, device, version, attempt }, requestId);
  };
  const showing = { userId, account, device, shown, totp, memory, requestId, submit };
  const { answer } = await secondFactor.settle(showing);
  if (answer.result === 'missing') throw new Failure('session_ended');
  const claims = { sub: userId, device: deviceId, sid: sessionId, factor: 'fresh' as const };
  return {
    accessToken: await signer.sign('access', claims, clock.now()),
    accessExpiresInMs: ACCESS_LIFE_MS,
  };
}

/** Repeating it changes nothing. */
async function remove(call: Call): Promise<v.InferOutput<typeof removedSchema>> {
  const { caller, requestId, parts } = call;
  if (parts.totpPolicy === 'required')
    throw new Failure('forbidden', { detail: 'A second factor is required here; replace it instead' });
  const { totp } = await look(call);
  checkStepUp(caller, totp);
  if (totp?.record.state !== 'on') return { state: 'off' };
  const { userId } = caller;
  const change = await changeTo({ state: 'off', userId }, { version: totp.version + 1, parts });
  const { result } = await parts.origin.changeTotp({ ...change, codes: [], used: [] }, requestId);
  if (result === 'stale')
    throw new Failure('conflict', { detail: 'The second factor was changed meanwhile' });
  return { state: 'off' };
}

/** The session, which must live, and the origin's TOTP record: what a copy says is not enough for a change. */
async function look({ caller, requestId, parts }: Call, recalled?: FactorKeys): Promise<Seen> {
  const { lookup, state, tags, clock } = parts;
  const [own, totp] = await Promise.all([wantCaller(tags, caller), wantTotp(tags, caller.userId)]);
  const [warm, truth, memory] = await Promise.all([
    lookup.find(own, requestId),
    lookup.inOrigin({ totp }, requestId),
    recalled === undefined ? undefined : state.recall(recalled),
  ]);
  requireLive(warm, clock.now());
  return { session: own.session, totp: truth.totp, memory };
}

interface Seen {
  readonly session: Want;
  readonly totp: Found<TotpRecord> | undefined;
  readonly memory: FactorMemory | undefined;
}

async function changeTo(record: TotpRecord, { version, parts }: { version: number; parts: TotpParts }) {
  const account = await parts.tags.account(record.userId);
  const sealed = await parts.records.seal('totp', { tags: [account], version }, record);
  return { account, sealed, version };
}

function describeEnrolment() {
  return describe({
    summary: 'Begin to set up a second factor',
    description:
      'Gives a fresh secret for an authenticator app (RFC 6238: SHA-1, 6 digits, 30 s). Nothing changes until a code ' +
      'confirms it in the same session. Where there is one already, it is replaced; that needs a step-up.',
    tag: 'identity',
    needsCaller: true,
    status: 201,
    answer: enrolledSchema,
    failures: ['session_ended', 'step_up_required', 'unavailable'],
  });
}

function describeConfirmation() {
  return describe({
    summary: 'Confirm the second factor',
    description:
      'Turns the second factor on and gives ten recovery codes, which take the place of all before.',
    tag: 'identity',
    needsCaller: true,
    takesBody: true,
    status: 201,
    answer: confirmedSchema,
    failures: ['session_ended', 'second_factor_refused', 'conflict', 'unavailable'],
  });
}

function describeStepUp() {
  return describe({
    summary: 'Show the second factor again',
    description: 'For calls that answer `step_up_required`: gives an access token that lets them pass.',
    tag: 'identity',
    needsCaller: true,
    takesBody: true,
    status: 200,
    answer: steppedUpSchema,
    failures: ['session_ended', 'second_factor_refused', 'second_factor_locked', 'conflict', 'unavailable'],
  });
}

function describeRemoval() {
  return describe({
    summary: 'Remove the second factor',
    description: 'Needs a step-up. Ends the recovery codes as well.',
    tag: 'identity',
    needsCaller: true,
    status: 200,
    answer: removedSchema,
    failures: ['session_ended', 'step_up_required', 'forbidden', 'conflict', 'unavailable'],
  });
}
