/**
 * The default `ChannelCrypto`: one random 256-bit key per channel, messages under AES-256-GCM with a random 96-bit
 * nonce (good for 2^32 messages per key, NIST SP 800-38D §8.3), the key handed over as a JWE. Ciphertext is
 * `nonce ‖ AES-GCM(padded plaintext)`.
 *
 * What it does not give, and a group protocol behind the same port later does: forward secrecy, removal of a member
 * from the key, and proof of who wrapped it (ECDH-ES is anonymous: trust comes from the way the JWE travelled).
 */
import { fromBase64Url, fromUtf8, lengthPrefixed, toBase64Url, utf8 } from '../bytes.ts';
import { Failure } from '../failure.ts';
import { decryptWith, encryptTo } from '../jwe.ts';
import type { JWK } from '../token.ts';
import type { ChannelCrypto, MessageContext, Opened } from './crypto.ts';
import type { Device } from './device.ts';
import { CIPHERTEXT_BUCKETS, EPHEMERAL_BUCKETS, pad, unpad } from './padding.ts';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Keys by channel id, as the application keeps them; in memory by default. */
export interface KeyStore {
  get(channelId: string): Uint8Array<ArrayBuffer> | undefined;
  set(channelId: string, key: Uint8Array<ArrayBuffer>): void;
}

/** The default encryption of one device. */
export function createCrypto(device: Device, keys: KeyStore = new Map()): ChannelCrypto {
  const need = (channelId: string) => {
    const key = keys.get(channelId);
    if (key === undefined) throw new Failure('conflict', { detail: 'This device has no key of the channel' });
    return key;
  };
  return {
    agreementKey: device.agreementKey,
    hasKey: (channelId) => keys.get(channelId) !== undefined,
    createKey: async (channelId) => {
      if (keys.get(channelId) !== undefined) return;
      keys.set(channelId, crypto.getRandomValues(new Uint8Array(KEY_BYTES)));
    },
    seal: async (plaintext, context) => sealWith(need(context.channelId), plaintext, context),
    open: async (ciphertext, context) => {
      const key = keys.get(context.channelId);
      return key === undefined ? { unreadable: 'no_key' } : openWith(key, ciphertext, context);
    },
    wrapKeyFor: async (channelId, peer) => wrap(channelId, need(channelId), peer),
    unwrapKey: async (channelId, wrapped) => {
      keys.set(channelId, await unwrap(channelId, wrapped, device.agreement.privateKey));
    },
  };
}

/** Encrypts under a key of 256 bits: `nonce ‖ AES-GCM(padded plaintext)`, bound to the context. Throws as `pad`. */
export async function sealWith(
  key: Uint8Array<ArrayBuffer>,
  plaintext: Uint8Array,
  context: MessageContext,
): Promise<Uint8Array<ArrayBuffer>> {
  const buckets = context.isEphemeral ? EPHEMERAL_BUCKETS : CIPHERTEXT_BUCKETS;
  const padded = pad(plaintext, NONCE_BYTES + TAG_BYTES, buckets);
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const sealed = await crypto.subtle.encrypt(parameters(nonce, context), await importKey(key), padded);
  const out = new Uint8Array(NONCE_BYTES + sealed.byteLength);
  out.set(nonce);
  out.set(new Uint8Array(sealed), NONCE_BYTES);
  return out;
}

/** What `sealWith` made under this key and context; never throws for what came. */
export async function openWith(
  key: Uint8Array<ArrayBuffer>,
  ciphertext: Uint8Array,
  context: MessageContext,
): Promise<Opened> {
  const nonce = Uint8Array.from(ciphertext.subarray(0, NONCE_BYTES));
  const sealed = Uint8Array.from(ciphertext.subarray(NONCE_BYTES));
  try {
    const padded = await crypto.subtle.decrypt(parameters(nonce, context), await importKey(key), sealed);
    const plaintext = unpad(new Uint8Array(padded));
    return plaintext === undefined ? { unreadable: 'altered' } : { plaintext };
  } catch {
    return { unreadable: 'altered' }; // WebCrypto's one OperationError tells no more, and must not.
  }
}

function parameters(iv: Uint8Array<ArrayBuffer>, context: MessageContext) {
  const { channelId, messageId, isEphemeral, commitment } = context;
  const kind = isEphemeral ? 'ephemeral' : 'message';
  const committed = commitment === undefined ? [] : [commitment];
  return { name: 'AES-GCM', iv, additionalData: lengthPrefixed([kind, channelId, messageId, ...committed]) };
}

function importKey(key: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt', 'decrypt']);
}

function wrap(channelId: string, key: Uint8Array, peer: JWK): Promise<string> {
  return encryptTo(peer, utf8(JSON.stringify({ channelId, key: toBase64Url(key) })));
}

async function unwrap(channelId: string, wrapped: string, own: CryptoKey): Promise<Uint8Array<ArrayBuffer>> {
  const plaintext = await decryptWith(own, wrapped);
  try {
    const fields: unknown = JSON.parse(fromUtf8(plaintext));
    if (!isWrapped(fields) || fields.channelId !== channelId) throw new TypeError('Another channel');
    const key = fromBase64Url(fields.key);
    if (key.length !== KEY_BYTES) throw new TypeError('Not 256 bit');
    return key;
  } catch (cause) {
    throw new Failure('bad_request', { detail: 'The JWE holds no key of this channel', cause });
  }
}

function isWrapped(value: unknown): value is { channelId: string; key: string } {
  if (typeof value !== 'object' || value === null) return false;
  const { channelId, key } = value as Record<string, unknown>;
  return typeof channelId === 'string' && typeof key === 'string';
}
