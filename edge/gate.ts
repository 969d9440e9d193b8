/**
 * Who signed this? Proves a device by its assertion, once.
 *
 * Until the signature has verified, unknown user, unknown device and wrong key must look alike and take alike. So the
 * sequence is the same for each of them: mark and look-up in one trip to the state Redis, one signature verified, one
 * read of the origin, one signature verified again; where there is no fitting key, a key that nobody holds stands in.
 * Asking the origin before refusing is no waste either: the state Redis may be behind, and never says no.
 * A good signature over a known key ends the sequence after its first half.
 */
import { Failure, isFailure } from '../shared/failure.ts';
import { readEntry } from '../shared/key-log.ts';
import {
  ASSERTION_SKEW_SECONDS,
  type AssertionClaims,
  type JWK,
  type Purpose,
  thumbprint,
  verifyAssertion,
} from '../shared/token.ts';
import { type Presented, peekAssertion } from './assertion.ts';
import type { FullFinds, Lookup } from './lookup.ts';
import type { Clock, Copy, FactorMemory, Mark, State } from './ports.ts';
import type { EntryRecord, SessionRecord, TotpRecord } from './records.ts';
import type { StoredKey } from './schemas.ts';
import type { Tags } from './tags.ts';
import {
  type Finds,
  type Found,
  type Want,
  type Wants,
  wantDevice,
  wantEntry,
  wantSession,
  wantTotp,
  withoutEnded,
} from './wants.ts';

/** A device that has proved itself, and what its proof has brought to light. */
export interface ProvenDevice {
  readonly userId: string;
  readonly deviceId: string;
  readonly device: Want;
  /** For `renew`: the session it named, if that is one of this device. */
  readonly session: { readonly want: Want; readonly found: Found<SessionRecord> | undefined } | undefined;
  /** The account's TOTP record, as far as it came to light: a copy may be behind, and undefined is unknown. */
  readonly totp: { readonly want: Want; readonly found: Found<TotpRecord> | undefined };
  /** Only when the proof asked for it. */
  readonly memory: FactorMemory | undefined;
  /** For the state Redis to hold; only after a proof, so that refusals leave no trace. */
  readonly copies: readonly Copy[];
}

/** What a device of an account signs for. */
export type KnownPurpose = 'sign-in' | 'renew' | 'approve-device';

export interface Proof {
  readonly assertion: string;
  /** Recalls the use of second factors as well, beside the first trip. */
  readonly recalls?: boolean;
  readonly requestId: string;
}

export interface Gate {
  /**
   * Proves a known device. Throws `credentials_refused`, `assertion_replayed` when the signature is good but was used
   * before, or `unavailable`.
   */
  prove(purpose: KnownPurpose, proof: Proof): Promise<ProvenDevice>;
  /** Proves that a new device holds its key, and gives back its id; throws as `prove` does. */
  proveNew(publicKey: StoredKey, assertion: string): Promise<string>;
  /**
   * Proves that a device to be added to this user holds its key. No mark is redeemed: the approval that comes with it is
   * good for one use, and so are the two together. Throws `credentials_refused`.
   */
  proveAdded(publicKey: StoredKey, added: { assertion: string; userId: string }): Promise<string>;
  /**
   * Proves the recovery key that the newest entry of an account's key log names, and gives back that entry. One sequence for
   * every refusal here, too: mark, copy and origin in one trip, one signature verified. Throws as `prove` does.
   */
  proveRecovery(assertion: string, requestId: string): Promise<Found<EntryRecord>>;
}

export interface GateParts {
  readonly audience: string;
  readonly lookup: Lookup;
  readonly state: State;
  readonly tags: Tags;
  readonly clock: Clock;
}

/** An assertion is accepted from 60 s before to 60 s after its `iat`; the mark outlives that by a minute. */
const MARK_LIFE_SECONDS = ASSERTION_SKEW_SECONDS * 3;

export async function createGate({ audience, lookup, state, tags, clock }: GateParts): Promise<Gate> {
  const standIns = { ES256: await standInKey('ES256'), Ed25519: await standInKey('Ed25519') };
  const markOf = async (jti: string): Promise<Mark> => ({
    tag: await tags.once(jti),
    lifeSeconds: MARK_LIFE_SECONDS,
  });
  const verify = async (assertion: string, key: JWK, purpose: Purpose) => {
    try {
      return await verifyAssertion(assertion, key, { audience, purpose, nowMs: clock.now() });
    } catch (error) {
      // Every fault of an assertion means the same: not proven.
      if (isFailure(error, 'credentials_refused')) return undefined;
      throw error;
    }
  };

  const prove = async (
    purpose: KnownPurpose,
    { assertion, requestId, recalls = false }: Proof,
  ): Promise<ProvenDevice> => {
    const presented = presentedFor(purpose, assertion);
    const wants = await wantsOf(tags, presented);
    const verifyWith = (finds: Finds) =>
      verify(assertion, fitting(finds.device?.record.publicKey, presented, standIns), purpose).then(
        (claims) => isSame(claims, presented),
      );

    const [account, device] = [wants.totp.tag, wants.device.tag];
    const [warm, memory] = await Promise.all([
      lookup.inStateOnce(await markOf(presented.jti), wants),
      recalls ? state.recall({ account, device }) : undefined,
    ]);
    let finds: FullFinds = { ...warm, copies: [] };
    let isProven = await verifyWith(warm);
    if (!isProven || (wants.session !== undefined && warm.session === undefined)) {
      const cold = withoutEnded(await lookup.inOrigin(wants, requestId), warm);
      finds = {
        ...cold,
        session: newerOf(warm.session, cold.session),
        totp: newerOf(warm.totp, cold.totp),
      };
      isProven = await verifyWith(finds);
    }
    if (!isProven || finds.device === undefined) throw new Failure('credentials_refused');
    if (!warm.isFresh) throw new Failure('assertion_replayed');
    const { userId, deviceId } = presented;
    const session = wants.session === undefined ? undefined : { want: wants.session, found: finds.session };
    const totp = { want: wants.totp, found: finds.totp };
    return { userId, deviceId, device: wants.device, session, totp, memory, copies: finds.copies };
  };

  const provePossession = async (
    publicKey: StoredKey,
    { assertion, purpose, userId }: { assertion: string; purpose: 'sign-up' | 'add-device'; userId: string },
  ): Promise<Presented> => {
    const presented = peekAssertion(assertion);
    const deviceId = await thumbprint(publicKey);
    if (presented === undefined || presented.deviceId !== deviceId || presented.userId !== userId)
      throw new Failure('credentials_refused');
    if ((await verify(assertion, publicKey, purpose)) === undefined) throw new Failure('credentials_refused');
    return presented;
  };

  const proveNew = async (publicKey: StoredKey, assertion: string): Promise<string> => {
    const { jti, deviceId } = await provePossession(publicKey, { assertion, purpose: 'sign-up', userId: '' });
    const { isFresh } = await state.redeem(await markOf(jti), []);
    if (!isFresh) throw new Failure('assertion_replayed');
    return deviceId;
  };
  const proveAdded = async (
    publicKey: StoredKey,
    { assertion, userId }: { assertion: string; userId: string },
  ): Promise<string> =>
    (await provePossession(publicKey, { assertion, purpose: 'add-device', userId })).deviceId;
  const proveRecovery = async (assertion: string, requestId: string): Promise<Found<EntryRecord>> => {
    const presented = presentedFor('recover', assertion);
    const entries = [await wantEntry(tags, presented.userId)];
    const [warm, cold] = await Promise.all([
      lookup.inStateOnce(await markOf(presented.jti), { entries }),
      lookup.inOrigin({ entries }, requestId),
    ]);
    const isDeleted = warm.ended.accounts.size > 0;
    const found = isDeleted ? undefined : newerOf(warm.entries[0], cold.entries[0]);
    const recovery = found === undefined ? undefined : (await readEntry(found.record.entry)).recovery;
    const own = recovery?.id === presented.deviceId ? recovery.publicKey : undefined;
    const claims = await verify(assertion, fitting(own, presented, standIns), 'recover');
    if (found === undefined || own === undefined || !isSame(claims, presented))
      throw new Failure('credentials_refused');
    if (!warm.isFresh) throw new Failure('assertion_replayed');
    return found;
  };
  return { prove, proveNew, proveAdded, proveRecovery };
}

/** What the assertion says of itself; nothing in here depends on what is stored, so refusing at once tells nothing. */
function presentedFor(purpose: KnownPurpose | 'recover', assertion: string): Presented {
  const presented = peekAssertion(assertion);
  if (presented === undefined || (purpose === 'renew') !== (presented.sessionId !== undefined))
    throw new Failure('credentials_refused');
  return presented;
}

async function wantsOf(tags: Tags, presented: Presented): Promise<GateWants> {
  const { userId, deviceId, sessionId } = presented;
  const [device, totp] = await Promise.all([wantDevice(tags, userId, deviceId), wantTotp(tags, userId)]);
  if (sessionId === undefined) return { device, totp };
  return { device, totp, session: await wantSession(tags, { userId, deviceId, sessionId }) };
}

interface GateWants extends Wants {
  readonly device: Want;
  readonly totp: Want;
}

/** The newer one of two; of two with the same version the copy, which may know what the origin did not hear of. */
function newerOf<T extends { readonly version: number }>(
  warm: T | undefined,
  cold: T | undefined,
): T | undefined {
  if (warm === undefined || cold === undefined) return warm ?? cold;
  return cold.version > warm.version ? cold : warm;
}

type StandIns = Readonly<Record<Presented['algorithm'], JWK>>;

/** The key itself when it fits the algorithm the assertion names; otherwise a stand-in that costs the same. */
function fitting(key: JWK | undefined, { algorithm }: Presented, standIns: StandIns): JWK {
  const isFitting = key !== undefined && (key.kty === 'EC') === (algorithm === 'ES256');
  return isFitting ? key : standIns[algorithm];
}

/** The verified claims are the ones the look-up went by. */
function isSame(claims: AssertionClaims | undefined, { userId, jti, sessionId }: Presented): boolean {
  return claims !== undefined && claims.sub === userId && claims.jti === jti && claims.sid === sessionId;
}

/** The public half of a key whose private half is forgotten at once. */
async function standInKey(algorithm: Presented['algorithm']): Promise<JWK> {
  const parameters = algorithm === 'ES256' ? { name: 'ECDSA', namedCurve: 'P-256' } : { name: 'Ed25519' };
  const pair = (await crypto.subtle.generateKey(parameters, true, ['sign', 'verify'])) as CryptoKeyPair;
  return crypto.subtle.exportKey('jwk', pair.publicKey) as Promise<JWK>;
}
