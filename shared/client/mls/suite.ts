/**
 * The one MLS cipher suite that is spoken (RFC 9420 §17.1, suite 1, which every implementation has), and its keys and
 * key packages. X25519, Ed25519 and AES-128-GCM come from WebCrypto.
 */
import {
  type Capabilities,
  type CiphersuiteImpl,
  type Credential,
  decodeMlsMessage,
  defaultLifetime,
  encodeMlsMessage,
  generateKeyPackageWithKey,
  getCiphersuiteFromName,
  getCiphersuiteImpl,
  type KeyPackage,
  type MLSMessage,
  type PrivateKeyPackage,
} from 'ts-mls';
import { utf8 } from '../../bytes.ts';
import { Failure } from '../../failure.ts';

const SUITE = 'MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519';
const CAPABILITIES: Capabilities = {
  versions: ['mls10'],
  ciphersuites: [SUITE],
  extensions: [],
  proposals: [],
  credentials: ['basic'],
};

/** Who holds a leaf of the group, as its credential says: `<userId>.<deviceId>`. */
export interface MemberDevice {
  readonly userId: string;
  readonly deviceId: string;
}

/** A device's signature keys: the public one is what its key log names as identity key. */
export interface SigningKeys {
  readonly publicKey: Uint8Array;
  /** PKCS #8. */
  readonly signKey: Uint8Array;
}

/** A key package, and what only its maker holds. */
export interface MadePackage {
  readonly publicPackage: KeyPackage;
  readonly privatePackage: PrivateKeyPackage;
}

let suite: Promise<CiphersuiteImpl> | undefined;

/** The suite's functions, made once. */
export function loadSuite(): Promise<CiphersuiteImpl> {
  suite ??= getCiphersuiteImpl(getCiphersuiteFromName(SUITE));
  return suite;
}

/** New signature keys. */
export async function createSigningKeys(): Promise<SigningKeys> {
  return (await loadSuite()).signature.keygen();
}

/** A new key package of this device; it lets whoever takes it add the device to one group. */
export async function createPackage(device: MemberDevice, keys: SigningKeys): Promise<MadePackage> {
  const { userId, deviceId } = device;
  const credential: Credential = { credentialType: 'basic', identity: utf8(`${userId}.${deviceId}`) };
  const cs = await loadSuite();
  return generateKeyPackageWithKey(credential, CAPABILITIES, defaultLifetime, [], { ...keys }, cs);
}

/** What is handed to the directory. */
export function encodePackage(keyPackage: KeyPackage): Uint8Array {
  return encodeMlsMessage({ version: 'mls10', wireformat: 'mls_key_package', keyPackage });
}

/** A key package of the directory. Throws `bad_request` when it is none of this suite. */
export function decodePackage(bytes: Uint8Array): KeyPackage {
  const message = decode(bytes);
  if (message?.wireformat !== 'mls_key_package' || message.keyPackage.cipherSuite !== SUITE)
    throw new Failure('bad_request', { detail: 'Not a key package of the suite that is spoken' });
  return message.keyPackage;
}

/** An MLS message, or undefined for bytes that are none; what follows it (padding) is left alone. */
export function decode(bytes: Uint8Array): MLSMessage | undefined {
  try {
    return decodeMlsMessage(bytes, 0)?.[0];
  } catch {
    return undefined; // The decoder throws on a length that leads nowhere; a peer's bytes may say anything.
  }
}

/** The device a credential names; undefined when it names none. */
export function deviceOf(credential: Credential): MemberDevice | undefined {
  if (credential.credentialType !== 'basic') return undefined;
  const [userId, deviceId, ...rest] = new TextDecoder().decode(credential.identity).split('.');
  if (!userId || !deviceId || rest.length > 0) return undefined;
  return { userId, deviceId };
}
