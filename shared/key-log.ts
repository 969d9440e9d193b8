/**
 * The key log of an account: a chain of entries, each the whole list of its devices and their identity keys from then on,
 * each signed by a device of the entry before. Whoever has seen one entry can tell whether a later one follows from it,
 * so nobody who stands between (a server included) can drop, swap, invent or take back a key unnoticed.
 *
 * An entry may name a recovery key, which a person keeps offline. The entry after it may be signed by that instead of a
 * device, and then names none of the devices from before: whoever needed it has lost them.
 *
 * An entry is a compact JWS (RFC 7515); its hash is SHA-256 over that text. The first one is signed by a device it names
 * itself: which account that is, people compare by their safety number (safety-number.ts).
 */
import { CompactSign, compactVerify, decodeProtectedHeader, importJWK } from 'jose';
import { fromBase64Url, fromUtf8, toBase64Url, utf8 } from './bytes.ts';
import { Failure } from './failure.ts';
import { DEVICES_MAX } from './internal/devices.ts';
import { LIMITS } from './limits.ts';
import { type JWK, thumbprint } from './token.ts';

const TYP = 'hushwire-key-log+jws';
const BITS_256 = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;
const USER_ID = /^[A-Za-z0-9_-]{22}$/;
/** An entry a minute for two years; what counts them has room for as many. */
export const SEQUENCE_MAX = 1_000_000;
const IDENTITY_CHARS_MAX = Math.ceil((LIMITS.identityKeyBytes * 4) / 3);

/** What an entry says of one device. */
export interface DeviceKeys {
  /** Signs assertions and entries; its thumbprint is the device's id. */
  readonly publicKey: JWK;
  /** What the account's messaging goes by, base64url; opaque to everybody but clients. */
  readonly identityKey: string;
}
/** What is signed. */
export interface EntryClaims {
  readonly sub: string;
  /** Counts from 1. */
  readonly sequence: number;
  /** Hash of the entry before; absent in the first. */
  readonly previous?: string;
  readonly devices: readonly DeviceKeys[];
  /** May sign the next entry. */
  readonly recoveryKey?: JWK;
}
/** A key that may begin anew when the devices are gone. */
export interface RecoveryKey {
  /** Its thumbprint. */
  readonly id: string;
  readonly publicKey: JWK;
}
/** An entry that was read. Its signature is verified by `verifyEntry` only. */
export interface Entry {
  readonly userId: string;
  readonly sequence: number;
  readonly previous: string | undefined;
  /** By device id. */
  readonly devices: ReadonlyMap<string, DeviceKeys>;
  readonly recovery: RecoveryKey | undefined;
  /** Device id of the signer, or id of the recovery key. */
  readonly signer: string;
  readonly hash: string;
  readonly text: string;
}

/** Makes an entry, signed by the device `deviceId`, or by a recovery key with its id. */
export function signEntry(
  claims: EntryClaims,
  { key, deviceId }: { key: CryptoKey; deviceId: string },
): Promise<string> {
  const alg = key.algorithm.name === 'ECDSA' ? 'ES256' : 'Ed25519';
  return new CompactSign(utf8(JSON.stringify(claims)))
    .setProtectedHeader({ alg, typ: TYP, kid: deviceId })
    .sign(key);
}

/** Reads an entry without verifying it; throws `key_log_refused` for what is none. */
export async function readEntry(text: string): Promise<Entry> {
  try {
    if (text.length > LIMITS.keyLogEntryChars) throw new TypeError('Too long');
    const { typ, kid: signer } = decodeProtectedHeader(text);
    if (typ !== TYP || typeof signer !== 'string') throw new TypeError('Another header');
    const { sub, sequence, previous, devices: listed, recoveryKey } = claimsOf(text);
    const devices = await byId(listed);
    const recovery = recoveryKey === undefined ? undefined : await recoveryOf(recoveryKey);
    if (recovery !== undefined && devices.has(recovery.id)) throw new TypeError('A device recovers nothing');
    return {
      userId: sub,
      sequence,
      previous,
      devices,
      recovery,
      signer,
      hash: await hashOf(text),
      text,
    };
  } catch (cause) {
    throw refused('This is no entry', cause);
  }
}

/**
 * Throws `key_log_refused` unless the entry follows the one before, or, without one, may be the first: numbers and hash
 * fit, it is of the same account, and a device that may has signed it, or the recovery key without any device from before.
 */
export async function verifyEntry(entry: Entry, before: EntryBefore | undefined): Promise<void> {
  const { sequence, previous, userId } = entry;
  const isNext =
    before === undefined
      ? sequence === 1 && previous === undefined
      : sequence === before.sequence + 1 && previous === before.hash && userId === before.userId;
  if (!isNext) throw refused('The entry does not follow the one before');
  const keys = (before ?? entry).devices.get(entry.signer) ?? recoveryFor(entry, before);
  if (keys === undefined) throw refused('The entry is signed by none of the devices');
  await verifySignature(entry.text, keys.publicKey);
}

/** The recovery key when it is what signed the entry, and the entry begins anew as that must. */
function recoveryFor({ signer, devices }: Entry, before: EntryBefore | undefined): RecoveryKey | undefined {
  if (before?.recovery?.id !== signer) return undefined;
  if ([...devices.keys()].some((deviceId) => before.devices.has(deviceId)))
    throw refused('The recovery key keeps a device from before');
  return before.recovery;
}

/** What must be known of an entry to verify the next. */
export type EntryBefore = Pick<Entry, 'userId' | 'sequence' | 'hash' | 'devices' | 'recovery'>;

async function verifySignature(text: string, publicKey: JWK): Promise<void> {
  const alg = publicKey.kty === 'EC' ? 'ES256' : 'Ed25519';
  try {
    await compactVerify(text, await importJWK(publicKey, alg), { algorithms: [alg] });
  } catch (cause) {
    throw refused('The signature is not good', cause);
  }
}

function claimsOf(text: string): EntryClaims {
  const [, payload = ''] = text.split('.');
  const claims: unknown = JSON.parse(fromUtf8(fromBase64Url(payload)));
  if (!isClaims(claims)) throw new TypeError('Other claims');
  return claims;
}

async function byId(devices: readonly DeviceKeys[]): Promise<ReadonlyMap<string, DeviceKeys>> {
  const named = await Promise.all(
    devices.map(async ({ publicKey, identityKey }) => {
      const key = bare(publicKey);
      return [await thumbprint(key), { publicKey: key, identityKey }] as const;
    }),
  );
  const map = new Map(named);
  if (map.size !== devices.length) throw new TypeError('A device stands there twice');
  return map;
}

async function recoveryOf(given: JWK): Promise<RecoveryKey> {
  const publicKey = bare(given);
  return { id: await thumbprint(publicKey), publicKey };
}

/** The key without optional members. */
function bare({ kty, crv, x, y }: JWK): JWK {
  return (kty === 'EC' ? { kty, crv, x, y } : { kty, crv, x }) as JWK; // isPublicKey has seen all of them.
}

async function hashOf(text: string): Promise<string> {
  return toBase64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', utf8(text))));
}

function isClaims(value: unknown): value is EntryClaims {
  if (!isObject(value)) return false;
  const { sub, sequence, previous, devices, recoveryKey } = value;
  return (
    typeof sub === 'string' &&
    USER_ID.test(sub) &&
    isSequence(sequence) &&
    (previous === undefined || isText(previous, BITS_256)) &&
    Array.isArray(devices) &&
    devices.length >= 1 &&
    devices.length <= DEVICES_MAX &&
    devices.every(isDevice) &&
    (recoveryKey === undefined || isPublicKey(recoveryKey))
  );
}

function isDevice(value: unknown): boolean {
  return isObject(value) && isPublicKey(value.publicKey) && isIdentityKey(value.identityKey);
}

function isPublicKey(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { kty, crv, x, y } = value;
  return (
    (kty === 'EC' && crv === 'P-256' && isText(x, BITS_256) && isText(y, BITS_256)) ||
    (kty === 'OKP' && crv === 'Ed25519' && isText(x, BITS_256))
  );
}

/** 1 to 256 bytes as base64url. */
export function isIdentityKey(value: unknown): value is string {
  return isText(value, /^[A-Za-z0-9_-]{2,}$/) && value.length <= IDENTITY_CHARS_MAX && value.length % 4 !== 1;
}

function isSequence(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 && value <= SEQUENCE_MAX;
}

function isText(value: unknown, form: RegExp): value is string {
  return typeof value === 'string' && form.test(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refused(detail: string, cause?: unknown): Failure {
  return new Failure('key_log_refused', { detail, cause });
}
