import type { JWK } from '../token.ts';
import type { StoredDevice } from './device.ts';

interface KeyPairRecord {
  readonly publicKey: JWK;
  readonly privateKey: JWK;
}

/** A stored device as JSON, private keys and all: for media that keep bytes and no key objects. */
export interface DeviceRecord {
  readonly signing: KeyPairRecord;
  readonly agreement: KeyPairRecord;
  readonly userId?: string;
}

/** Throws when the device's keys were made in such a way that no script can read them. */
export async function toRecord({ signing, agreement, userId }: StoredDevice): Promise<DeviceRecord> {
  const [signingPair, agreementPair] = await Promise.all([exportPair(signing), exportPair(agreement)]);
  return { signing: signingPair, agreement: agreementPair, ...(userId === undefined ? {} : { userId }) };
}

/** Throws what WebCrypto throws for keys that are none. */
export async function fromRecord({ signing, agreement, userId }: DeviceRecord): Promise<StoredDevice> {
  const [verify, sign, publicHalf, privateHalf] = await Promise.all([
    importKey(signing.publicKey, 'ECDSA', ['verify']),
    importKey(signing.privateKey, 'ECDSA', ['sign']),
    importKey(agreement.publicKey, 'ECDH', []),
    importKey(agreement.privateKey, 'ECDH', ['deriveBits']),
  ]);
  return {
    signing: { publicKey: verify, privateKey: sign },
    agreement: { publicKey: publicHalf, privateKey: privateHalf },
    ...(userId === undefined ? {} : { userId }),
  };
}

async function exportPair({ publicKey, privateKey }: CryptoKeyPair): Promise<KeyPairRecord> {
  const [publicJwk, privateJwk] = await Promise.all([exportKey(publicKey), exportKey(privateKey)]);
  return { publicKey: publicJwk, privateKey: privateJwk };
}

async function exportKey(key: CryptoKey): Promise<JWK> {
  return (await crypto.subtle.exportKey('jwk', key)) as JWK; // The same thing, by WebCrypto's name for it.
}

function importKey(jwk: JWK, name: string, usages: KeyUsage[]): Promise<CryptoKey> {
  return crypto.subtle.importKey('jwk', jwk as JsonWebKey, { name, namedCurve: 'P-256' }, true, usages);
}
