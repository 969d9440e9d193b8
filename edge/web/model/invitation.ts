/**
 * Links that let people into a channel. A link holds the channel, whom to ask, and a random key, all behind `#`, which
 * browsers never send to a server. Who opens it asks by mail, encrypted under that key: so only who has the link can ask,
 * and nobody on the way learns who does. The device that made the link answers, and must be online for that.
 */
import { utf8 } from '../../../shared/bytes.ts';
import { NAME_MAX } from './content.ts';
import { keyIdOf, openMail, sealMail } from './secret-mail.ts';

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
/** In front of a request, so that other mail is told from it. */
const MAGIC = utf8('hushwire join 1\n');

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

/** Mail for the maker of a link. */
export function sealRequest(key: string, request: JoinRequest): Promise<Uint8Array<ArrayBuffer>> {
  return sealMail(key, MAGIC, request);
}

/** Which link a piece of mail refers to; undefined when it is no request. */
export function requestedInvitation(mail: Uint8Array): string | undefined {
  return keyIdOf(MAGIC, mail);
}

/** The request in the mail; undefined when it was not made with this link. */
export async function openRequest(key: string, mail: Uint8Array): Promise<JoinRequest | undefined> {
  return checkRequest(await openMail(key, MAGIC, mail));
}

function checkRequest(value: unknown): JoinRequest | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { channelId, userId, name } = value as Partial<Record<keyof JoinRequest, unknown>>;
  if (typeof channelId !== 'string' || typeof userId !== 'string' || typeof name !== 'string')
    return undefined;
  if (!ID.test(channelId) || !ID.test(userId)) return undefined;
  return { channelId, userId, name: name.slice(0, NAME_MAX) };
}
