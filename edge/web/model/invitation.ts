/**
 * Links that let people into a channel. A link holds the channel, whom to ask, and a random key, all behind `#`, which
 * browsers never send to a server. Who opens it asks by mail, encrypted under that key: so only who has the link can ask,
 * and nobody on the way learns who does. The device that made the link answers, and must be online for that.
 */
import { fromBase64Url, fromUtf8, toBase64Url, utf8 } from '../../../shared/bytes.ts';
import { pad, unpad } from '../../../shared/client/padding.ts';
import { NAME_MAX } from './content.ts';

export interface InvitationLink {
  readonly channelId: string;
  /** Whom to ask. */
  readonly ownerId: string;
  readonly key: string;
}
/** What somebody with the link tells whom they ask. */
export interface JoinRequest {
  readonly channelId: string;
  readonly userId: string;
  readonly name: string;
}

const LINK = /^#join\/([\w-]{22})\/([\w-]{22})\/([\w-]{43})$/;
const ID = /^[\w-]{22}$/;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
/** In front of a request, so that other mail is told from it. */
const MAGIC = utf8('hushwire join 1\n');
/** Of the key's hash: names the link without giving it away. */
const LINK_ID_BYTES = 16;

export function createInvitationKey(): string {
  return toBase64Url(crypto.getRandomValues(new Uint8Array(KEY_BYTES)));
}

export function linkText(page: string, { channelId, ownerId, key }: InvitationLink): string {
  return `${page}#join/${channelId}/${ownerId}/${key}`;
}

/** A link as a whole, or what stands behind its `#`; undefined for anything else. */
export function readLink(text: string): InvitationLink | undefined {
  const at = text.indexOf('#');
  const [, channelId, ownerId, key] = LINK.exec(at < 0 ? '' : text.slice(at).trim()) ?? [];
  if (channelId === undefined || ownerId === undefined || key === undefined) return undefined;
  return { channelId, ownerId, key };
}

/** Under what the maker of a link finds it again when somebody asks. */
export async function invitationId(key: string): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', fromBase64Url(key));
  return toBase64Url(new Uint8Array(hash).subarray(0, LINK_ID_BYTES));
}

/** Mail for the maker of a link. */
export async function sealRequest(key: string, request: JoinRequest): Promise<Uint8Array<ArrayBuffer>> {
  const id = fromBase64Url(await invitationId(key));
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const plaintext = pad(utf8(JSON.stringify(request)), 0);
  const sealed = new Uint8Array(
    await crypto.subtle.encrypt({ name: 'AES-GCM', iv: nonce }, await importKey(key), plaintext),
  );
  return Uint8Array.from([...MAGIC, ...id, ...nonce, ...sealed]);
}

/** Which link a piece of mail refers to; undefined when it is no request. */
export function requestedInvitation(mail: Uint8Array): string | undefined {
  const isRequest = MAGIC.every((byte, i) => mail[i] === byte);
  const id = mail.subarray(MAGIC.length, MAGIC.length + LINK_ID_BYTES);
  return isRequest && id.length === LINK_ID_BYTES ? toBase64Url(id) : undefined;
}

/** The request in the mail; undefined when it was not made with this link. */
export async function openRequest(key: string, mail: Uint8Array): Promise<JoinRequest | undefined> {
  const nonceAt = MAGIC.length + LINK_ID_BYTES;
  const iv = Uint8Array.from(mail.subarray(nonceAt, nonceAt + NONCE_BYTES));
  const sealed = Uint8Array.from(mail.subarray(nonceAt + NONCE_BYTES));
  try {
    const plaintext = await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, await importKey(key), sealed);
    return checkRequest(JSON.parse(fromUtf8(unpad(new Uint8Array(plaintext)) ?? new Uint8Array())));
  } catch {
    return undefined; // Anybody may send mail; what does not open or parse asks for nothing.
  }
}

function checkRequest(value: unknown): JoinRequest | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { channelId, userId, name } = value as Partial<Record<keyof JoinRequest, unknown>>;
  if (typeof channelId !== 'string' || typeof userId !== 'string' || typeof name !== 'string')
    return undefined;
  if (!ID.test(channelId) || !ID.test(userId)) return undefined;
  return { channelId, userId, name: name.slice(0, NAME_MAX) };
}

function importKey(key: string): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', fromBase64Url(key), 'AES-GCM', false, ['encrypt', 'decrypt']);
}
