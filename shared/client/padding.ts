import { Failure } from '../failure.ts';

/** Sizes a ciphertext may have on the wire, nonce and tag included: an observer learns the bucket, not the length. */
export const CIPHERTEXT_BUCKETS = Object.freeze([1, 4, 16, 64].map((kib) => kib * 1024));

/** The same for what is kept nowhere: mostly a word of typing, or a receipt. */
export const EPHEMERAL_BUCKETS = Object.freeze([256, ...CIPHERTEXT_BUCKETS]);

/** The plaintext's length, big-endian, in front of it. */
const LENGTH_BYTES = 4;

/**
 * Plaintext with its length in front and zeros behind, so that with `overheadBytes` of nonce and tag it fills the
 * smallest bucket. Throws `payload_too_large` when even the largest is too small.
 */
export function pad(
  plaintext: Uint8Array,
  overheadBytes: number,
  buckets: readonly number[] = CIPHERTEXT_BUCKETS,
): Uint8Array<ArrayBuffer> {
  const needed = LENGTH_BYTES + plaintext.length + overheadBytes;
  const bucket = buckets.find((bytes) => bytes >= needed);
  if (bucket === undefined)
    throw new Failure('payload_too_large', { detail: 'The message does not fit into 64 KiB of ciphertext' });
  const padded = new Uint8Array(bucket - overheadBytes);
  new DataView(padded.buffer).setUint32(0, plaintext.length);
  padded.set(plaintext, LENGTH_BYTES);
  return padded;
}

/** Bytes that end by themselves, with zeros behind up to the smallest bucket; throws as `pad`. */
export function fillBucket(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const bucket = CIPHERTEXT_BUCKETS.find((size) => size >= bytes.length);
  if (bucket === undefined)
    throw new Failure('payload_too_large', { detail: 'The message does not fit into 64 KiB of ciphertext' });
  const filled = new Uint8Array(bucket);
  filled.set(bytes);
  return filled;
}

/** The plaintext of padded bytes; undefined when they were not made by `pad`. */
export function unpad(padded: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | undefined {
  if (padded.length < LENGTH_BYTES) return undefined;
  const length = new DataView(padded.buffer, padded.byteOffset).getUint32(0);
  if (length > padded.length - LENGTH_BYTES) return undefined;
  const isZeroBehind = padded.subarray(LENGTH_BYTES + length).every((byte) => byte === 0);
  return isZeroBehind ? padded.slice(LENGTH_BYTES, LENGTH_BYTES + length) : undefined;
}
