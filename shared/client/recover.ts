import { randomId, toBase64Url } from '../bytes.ts';
import { Failure } from '../failure.ts';
import { type Entry, readEntry, signEntry } from '../key-log.ts';
import { type JWK, signAssertion } from '../token.ts';
import { isPermit, isSignedUp } from './answers.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Device, DeviceStore } from './device.ts';
import { createHttp, type Http } from './http.ts';
import { claimDevice } from './join.ts';
import { edgeOf } from './options.ts';
import { openRecoveryKey, type RecoveryKeyPair, type ShowRecoveryKey, showNewKey } from './recovery-key.ts';
import { type Backoff, DEFAULT_BACKOFF, retrying } from './retry.ts';

export interface RecoverOptions {
  readonly edge: string;
  readonly userId: string;
  /** As it was shown, however it is typed. */
  readonly recoveryKey: string;
  /** Of this device; 1 to 256 bytes. */
  readonly identityKey: Uint8Array;
  /** Of a device that never was one of the account; an empty one is best. */
  readonly store: DeviceStore;
  /** Shows the recovery key that takes the place of the used one; without it, the used one stays good. */
  readonly showRecoveryKey?: ShowRecoveryKey;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
  readonly backoff?: Backoff;
  readonly signal?: AbortSignal;
}

interface Call {
  readonly http: Http;
  readonly audience: string;
  readonly clock: Clock;
  readonly tried: <T>(attempt: () => Promise<T>) => Promise<T>;
}

/**
 * Makes the store's device the only one of an account whose devices are lost, and ends those; `connectAccount` with this
 * store then signs in, with the second factor if there is one. Throws `bad_request` for a text that is no recovery key,
 * `credentials_refused` for a wrong one, `conflict` when the device was one of the account, or as `Http` does. After
 * `unavailable` try again with the same store: with the recovery key that was shown last, if one was, or the one before.
 */
export async function recoverAccount(options: RecoverOptions): Promise<void> {
  const { userId, store, showRecoveryKey } = options;
  const call = callOf(options);
  const paper = await openRecoveryKey(options.recoveryKey);
  const { entry: text, permit } = await askPermit(call, { paper, userId });
  const before = await readEntry(text);
  if (before.userId !== userId || before.recovery?.id !== paper.id)
    throw new Failure('key_log_refused', { detail: 'The entry is not one this key recovers' });
  const device = await claimDevice(store, userId);
  if (before.devices.has(device.deviceId)) return; // An earlier try went through, and its answer was lost.
  const recoveryKey = showRecoveryKey === undefined ? paper.publicKey : await showNewKey(showRecoveryKey);
  const identityKey = toBase64Url(options.identityKey);
  const entry = await entryAfter(before, { device, identityKey, recoveryKey, paper });
  await call.tried(async () => {
    const assertion = await assertionFor(call, { purpose: 'add-device', userId, signer: signerOf(device) });
    const body = { permit, entry, publicKey: device.publicKey, assertion };
    return call.http({ path: '/v1/recovery', body, ...signalOf(options) }, isSignedUp);
  });
}

function callOf(options: RecoverOptions): Call {
  const { clock = systemClock, backoff = DEFAULT_BACKOFF, signal = new AbortController().signal } = options;
  const audience = edgeOf(options);
  // Called as a plain function: browsers refuse `fetch` as somebody's method.
  const fetchPlain = options.fetch ?? ((input, init) => fetch(input, init));
  const http = createHttp({ edge: audience, clock, fetch: fetchPlain });
  return { http, audience, clock, tried: (attempt) => retrying(attempt, { clock, backoff, signal }) };
}

function askPermit(call: Call, { paper, userId }: { paper: RecoveryKeyPair; userId: string }) {
  return call.tried(async () => {
    const signer = { key: paper.privateKey, kid: paper.id };
    const assertion = await assertionFor(call, { purpose: 'recover', userId, signer });
    return call.http({ path: '/v1/recovery/permit', body: { assertion } }, isPermit);
  });
}

interface Anew {
  readonly device: Device;
  readonly identityKey: string;
  readonly recoveryKey: JWK;
  readonly paper: RecoveryKeyPair;
}

function entryAfter(before: Entry, { device, identityKey, recoveryKey, paper }: Anew): Promise<string> {
  const claims = {
    sub: before.userId,
    sequence: before.sequence + 1,
    previous: before.hash,
    devices: [{ publicKey: device.publicKey, identityKey }],
    recoveryKey,
  };
  return signEntry(claims, { key: paper.privateKey, deviceId: paper.id });
}

interface Signer {
  readonly key: CryptoKey;
  readonly kid: string;
}

function signerOf({ signing, deviceId }: Device): Signer {
  return { key: signing.privateKey, kid: deviceId };
}

function assertionFor(
  { audience, clock }: Call,
  { purpose, userId, signer }: { purpose: 'recover' | 'add-device'; userId: string; signer: Signer },
): Promise<string> {
  const claims = { jti: randomId(), purpose, sub: userId };
  return signAssertion(signer.key, claims, { audience, kid: signer.kid, nowMs: clock.now() });
}

function signalOf({ signal }: RecoverOptions): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
