/**
 * Files, encrypted before they leave the device and stored where the application says. Each has a key of its own, used for
 * nothing else; the reference that holds it belongs into a message, and nowhere else.
 *
 * AES-256-GCM in chunks of 64 KiB, each bound to its number and to whether it is the last one, so that chunks cannot be
 * moved, left out or cut off (the STREAM construction, Hoang et al. 2015). What is stored is filled up to the next
 * power of two, above 1 MiB to the next MiB: the store learns the size in these steps.
 */
import { fromBase64Url, toBase64Url } from '../bytes.ts';
import { Failure } from '../failure.ts';

/** What a message carries of a file; secret as the message is. */
export interface Attachment {
  /** As `upload` gave it. */
  readonly url: string;
  /** AES-256, base64url. */
  readonly key: string;
  readonly bytes: number;
  readonly name: string;
  readonly type: string;
}

export interface AttachmentOptions {
  readonly name?: string;
  /** Media type; `application/octet-stream` by default. */
  readonly type?: string;
  /** Stores ciphertext and gives back where. What it throws goes up. */
  readonly upload: (ciphertext: Uint8Array<ArrayBuffer>) => Promise<string>;
}

/** Whole files are held in memory. */
export const ATTACHMENT_MAX_BYTES = 100 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;
const TAG_BYTES = 16;
const SMALLEST_BYTES = 1024;
const STEP_BYTES = 1024 * 1024;

/** Encrypts and stores a file. Throws `payload_too_large` over 100 MiB. */
export async function sealAttachment(
  content: Uint8Array,
  { name = '', type = 'application/octet-stream', upload }: AttachmentOptions,
): Promise<Attachment> {
  if (content.length > ATTACHMENT_MAX_BYTES)
    throw new Failure('payload_too_large', { detail: 'An attachment has at most 100 MiB' });
  const raw = crypto.getRandomValues(new Uint8Array(32));
  const key = await importKey(raw, 'encrypt');
  const padded = new Uint8Array(paddedBytes(content.length));
  padded.set(content);
  const count = Math.ceil(padded.length / CHUNK_BYTES);
  const sealed = new Uint8Array(padded.length + count * TAG_BYTES);
  for (let i = 0; i < count; i += 1) {
    const chunk = padded.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES);
    const cipher = await crypto.subtle.encrypt(parameters(i, i === count - 1), key, chunk);
    sealed.set(new Uint8Array(cipher), i * (CHUNK_BYTES + TAG_BYTES));
  }
  const url = await upload(sealed);
  return { url, key: toBase64Url(raw), bytes: content.length, name, type };
}

/**
 * The file of a reference that came in a message. `download` brings what is stored under a URL; it came from a peer, so the
 * application decides where it fetches from. Throws `bad_request` for anything but the file that was sealed.
 */
export async function openAttachment(
  { url, key: rawKey, bytes }: Attachment,
  download: (url: string) => Promise<Uint8Array>,
): Promise<Uint8Array<ArrayBuffer>> {
  if (!Number.isSafeInteger(bytes) || bytes < 0 || bytes > ATTACHMENT_MAX_BYTES) throw altered();
  const padded = paddedBytes(bytes);
  const sealed = Uint8Array.from(await download(url));
  const count = Math.ceil(padded / CHUNK_BYTES);
  if (sealed.length !== padded + count * TAG_BYTES) throw altered();
  try {
    const key = await importKey(fromBase64Url(rawKey), 'decrypt');
    const content = new Uint8Array(padded);
    for (let i = 0; i < count; i += 1) {
      const from = i * (CHUNK_BYTES + TAG_BYTES);
      const chunk = sealed.subarray(from, from + CHUNK_BYTES + TAG_BYTES);
      const plain = await crypto.subtle.decrypt(parameters(i, i === count - 1), key, chunk);
      content.set(new Uint8Array(plain), i * CHUNK_BYTES);
    }
    return content.slice(0, bytes);
  } catch (cause) {
    throw altered(cause);
  }
}

/** The size that stands for this one. */
export function paddedBytes(bytes: number): number {
  if (bytes > STEP_BYTES) return Math.ceil(bytes / STEP_BYTES) * STEP_BYTES;
  return Math.max(SMALLEST_BYTES, 2 ** Math.ceil(Math.log2(Math.max(1, bytes))));
}

/** The key is used for one file: its chunk numbers are nonces that never repeat. */
function parameters(chunk: number, isLast: boolean): AesGcmParams {
  const iv = new Uint8Array(12);
  new DataView(iv.buffer).setUint32(0, chunk);
  iv[11] = isLast ? 1 : 0;
  return { name: 'AES-GCM', iv };
}

function importKey(raw: Uint8Array<ArrayBuffer>, use: KeyUsage): Promise<CryptoKey> {
  if (raw.length !== 32) throw new TypeError('Not 256 bit');
  return crypto.subtle.importKey('raw', raw, 'AES-GCM', false, [use]);
}

function altered(cause?: unknown): Failure {
  return new Failure('bad_request', { detail: 'Not the attachment that was sent', cause });
}
