import { fromBase64Url, fromUtf8, lengthPrefixed, toBase64Url, utf8 } from '../shared/bytes.ts';
import type { Tag } from '../shared/frame.ts';
import type { Sealed } from '../shared/internal/records.ts';
import type { VersionedKey } from './config.ts';

/** Where a record belongs; the seal authenticates all of it, so a record opens only in its own place. */
export interface Place {
  readonly table: string;
  readonly tags: readonly Tag[];
  /** Counts rewrites of the record from 1. */
  readonly version: number;
}

/**
 * The only place that seals: AES-256-GCM with a random 96-bit IV (NIST SP 800-38D §8.2.2: at most 2^32 seals per key),
 * written `<key version>.<base64url(iv ‖ ciphertext ‖ tag)>`. The first key of the ring seals, every key opens.
 */
export interface Sealer {
  seal(place: Place, plaintext: string): Promise<Sealed>;
  /** The plaintext, or undefined when it was not sealed by us for exactly this place. */
  open(place: Place, sealed: Sealed): Promise<string | undefined>;
}

const IV_BYTES = 12;
const FORM = /^(\d{1,4})\.([A-Za-z0-9_-]+)$/;

/** A sealer over a ring of keys. */
export async function createSealer(ring: readonly VersionedKey[]): Promise<Sealer> {
  const [current] = ring;
  if (current === undefined) throw new TypeError('Cannot seal: no key');
  const keys = new Map<number, CryptoKey>();
  for (const { version, bytes } of ring) keys.set(version, await importKey(bytes.reveal()));
  const sealingKey = keys.get(current.version) as CryptoKey; // Just put there.
  return {
    seal: async (place, plaintext) => {
      const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
      const body = await crypto.subtle.encrypt(algorithm(iv, place), sealingKey, utf8(plaintext));
      const bytes = new Uint8Array(IV_BYTES + body.byteLength);
      bytes.set(iv);
      bytes.set(new Uint8Array(body), IV_BYTES);
      return `${current.version}.${toBase64Url(bytes)}`;
    },
    open: async (place, sealed) => {
      const [, version, encoded] = FORM.exec(sealed) ?? [];
      const key = keys.get(Number(version));
      if (key === undefined || encoded === undefined) return undefined;
      return decrypt(key, { place, encoded });
    },
  };
}

async function decrypt(
  key: CryptoKey,
  { place, encoded }: { place: Place; encoded: string },
): Promise<string | undefined> {
  try {
    const bytes = fromBase64Url(encoded);
    const iv = bytes.subarray(0, IV_BYTES);
    const plain = await crypto.subtle.decrypt(algorithm(iv, place), key, bytes.subarray(IV_BYTES));
    return fromUtf8(new Uint8Array(plain));
  } catch {
    return undefined; // GCM tells no more than "not authentic", and every reason means the same to the caller.
  }
}

function importKey(bytes: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt']);
}

function algorithm(iv: Uint8Array<ArrayBuffer>, { table, tags, version }: Place): AesGcmParams {
  return { name: 'AES-GCM', iv, additionalData: lengthPrefixed([table, ...tags, String(version)]) };
}
