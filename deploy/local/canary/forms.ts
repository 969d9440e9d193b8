/**
 * Every form in which something may have been written: the encodings, each at every place it can have between other bytes, and
 * the digests without a key, of which the first twelve bytes are looked for, so that a shortened one is found as well.
 */
import { createHash } from 'node:crypto';
import type { Needle } from '../try/search.ts';

type Write = (bytes: Buffer) => readonly Buffer[];

const text = (value: string): Buffer => Buffer.from(value, 'latin1');
const hex = (bytes: Buffer): string => bytes.toString('hex');
const pairs = (bytes: Buffer): string[] => hex(bytes).match(/../g) ?? [];

/** By name. Each gives every spelling that is to be looked for; the first is how it is planted. */
const ENCODINGS: Readonly<Record<string, Write>> = {
  raw: (bytes) => [bytes],
  hex: (bytes) => [text(hex(bytes)), text(hex(bytes).toUpperCase())],
  'hex with separators': (bytes) =>
    [':', '-', ' '].flatMap((by) => [text(pairs(bytes).join(by)), text(pairs(bytes).join(by).toUpperCase())]),
  base64: (bytes) => [0, 1, 2].map((shift) => text(within(bytes, shift, 'base64'))),
  base64url: (bytes) => [0, 1, 2].map((shift) => text(within(bytes, shift, 'base64url'))),
  base32: (bytes) =>
    [0, 1, 2, 3, 4].flatMap((shift) => {
      const found = base32(bytes, shift);
      return [text(found), text(found.toLowerCase())];
    }),
  'percent-encoding': (bytes) => {
    const found = pairs(bytes)
      .map((pair) => `%${pair}`)
      .join('');
    return [text(found.toUpperCase()), text(found)];
  },
  'UTF-16': (bytes) => [bigEndian(bytes).swap16(), bigEndian(bytes)].flatMap(withHex),
  'decimal bytes': (bytes) => [',', ', ', ' '].map((by) => text([...bytes].join(by))),
  reversed: (bytes) => withHex(Buffer.from(bytes).reverse()),
};
/** Binary columns come out of a database as hex. */
function withHex(bytes: Buffer): readonly Buffer[] {
  return [bytes, text(hex(bytes))];
}

const DIGESTS = [
  ...['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512', 'sha512-256', 'sha3-256', 'sha3-512'],
  ...['blake2b512', 'blake2s256', 'ripemd160'],
] as const;
/** As many as a shortened digest that still tells people apart would keep. */
const DIGEST_BYTES = 12;

/** The names of all forms. */
export const FORMS: readonly string[] = [
  ...Object.keys(ENCODINGS),
  ...DIGESTS.flatMap((digest) => ['raw', 'hex', 'base64', 'base64url'].map((form) => `${digest} as ${form}`)),
];

/** What to look for when `bytes` must be nowhere, by form. */
export function formsOf(what: string, bytes: Buffer): Needle[] {
  return FORMS.flatMap((form) => spell(form, bytes).map((spelled) => ({ what, form, bytes: spelled })));
}

/** `bytes` as a leak would have written it. */
export function write(form: string, bytes: Buffer): Buffer {
  const [encoding, digest] = split(form);
  if (digest === undefined) return ENCODINGS[encoding]?.(bytes)[0] ?? bytes;
  const whole = createHash(digest).update(bytes).digest();
  return encoding === 'raw' ? whole : text(whole.toString(encoding as BufferEncoding));
}

function spell(form: string, bytes: Buffer): readonly Buffer[] {
  const [encoding, digest] = split(form);
  if (digest === undefined) return ENCODINGS[encoding]?.(bytes) ?? [];
  const start = createHash(digest).update(bytes).digest().subarray(0, DIGEST_BYTES);
  if (encoding === 'raw') return [start];
  if (encoding === 'hex') return [text(hex(start)), text(hex(start).toUpperCase())];
  return [text(start.toString(encoding as BufferEncoding))];
}

function split(form: string): readonly [encoding: string, digest: string | undefined] {
  const [digest, encoding] = form.split(' as ');
  return encoding === undefined ? [form, undefined] : [encoding, digest];
}

/** The characters that depend on these bytes alone, when `shift` other bytes stand before them. */
function within(bytes: Buffer, shift: number, encoding: 'base64' | 'base64url'): string {
  const encoded = Buffer.concat([Buffer.alloc(shift), bytes]).toString(encoding);
  return encoded.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.length) * 8) / 6));
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** RFC 4648 §6, without padding, and without what depends on bytes beside these. */
function base32(bytes: Buffer, shift: number): string {
  const bits = [...Buffer.alloc(shift), ...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const letters = (bits.match(/.{5}/g) ?? []).map((five) => ALPHABET[Number.parseInt(five, 2)]);
  return letters.slice(Math.ceil((shift * 8) / 5)).join('');
}

function bigEndian(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('latin1'), 'utf16le').swap16();
}
