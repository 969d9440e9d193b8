/** Device keys and what they sign (shared/token.ts, `signAssertion`), with what k6 has of WebCrypto. */
import { b64decode, b64encode } from 'k6/encoding';
import { EDGE_URL } from './settings.ts';

/** What k6's types lack. */
interface Key {
  readonly algorithm: object;
}
interface KeyPair {
  readonly publicKey: Key;
  readonly privateKey: Key;
}
interface PublicJwk {
  readonly x: string;
  readonly y: string;
}
declare const crypto: {
  getRandomValues<T extends Uint8Array>(array: T): T;
  readonly subtle: {
    generateKey(algorithm: object, extractable: boolean, usages: readonly string[]): Promise<KeyPair>;
    exportKey(format: 'jwk', key: Key): Promise<PublicJwk>;
    sign(algorithm: object, key: Key, data: Uint8Array): Promise<ArrayBuffer>;
    digest(algorithm: string, data: Uint8Array): Promise<ArrayBuffer>;
  };
};
declare class TextEncoder {
  encode(text: string): Uint8Array;
}

const ID_BYTES = 16;
const COORDINATE_BYTES = 32;

export interface Device {
  readonly deviceId: string;
  readonly publicKey: { readonly kty: 'EC'; readonly crv: 'P-256' } & PublicJwk;
  readonly privateKey: Key;
}

/** A fresh ES256 key; its id is its thumbprint (RFC 7638). */
export async function createDevice(): Promise<Device> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  const { publicKey, privateKey } = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const jwk = await crypto.subtle.exportKey('jwk', publicKey);
  const [x, y] = [coordinate(jwk.x), coordinate(jwk.y)];
  // RFC 7638 §3.2: the required members, in this order, without spaces.
  const canonical = utf8(JSON.stringify({ crv: 'P-256', kty: 'EC', x, y }));
  const deviceId = base64Url(await crypto.subtle.digest('SHA-256', canonical));
  return { deviceId, privateKey, publicKey: { kty: 'EC', crv: 'P-256', x, y } };
}

/** 32 bytes whatever the number (RFC 7518 §6.2.1.2): k6 leaves leading zeros out, which is one key in 128. */
function coordinate(text: string): string {
  const bytes = new Uint8Array(b64decode(text, 'rawurl'));
  const padded = new Uint8Array(COORDINATE_BYTES);
  padded.set(bytes, COORDINATE_BYTES - bytes.length);
  return base64Url(padded);
}

export interface AssertionClaims {
  readonly purpose: 'sign-up' | 'sign-in' | 'renew' | 'add-device' | 'approve-device';
  readonly sub: string;
  readonly sid?: string;
  readonly device?: string;
}

/** A one-time JWT of the device. */
export async function assertionOf(
  { deviceId, privateKey }: Device,
  claims: AssertionClaims,
): Promise<string> {
  const header = { alg: 'ES256', typ: 'hushwire-assertion+jwt', kid: deviceId };
  const payload = { ...claims, jti: randomId(), aud: EDGE_URL, iat: Math.floor(Date.now() / 1000) };
  const input = [header, payload].map((part) => base64Url(utf8(JSON.stringify(part)))).join('.');
  const algorithm = { name: 'ECDSA', hash: { name: 'SHA-256' } };
  const signature = await crypto.subtle.sign(algorithm, privateKey, utf8(input));
  return `${input}.${base64Url(signature)}`;
}

/** 128 random bits, as ids are. */
export function randomId(): string {
  return randomText(ID_BYTES);
}

/** Random bytes as base64url: a node cannot tell them from ciphertext. */
export function randomText(bytes: number): string {
  return base64Url(crypto.getRandomValues(new Uint8Array(bytes)));
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function base64Url(bytes: ArrayBuffer | Uint8Array): string {
  return b64encode(bytes instanceof ArrayBuffer ? bytes : Uint8Array.from(bytes).buffer, 'rawurl');
}
