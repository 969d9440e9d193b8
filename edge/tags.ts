import { lengthPrefixed, toBase64Url } from '../shared/bytes.ts';
import type { Tag } from '../shared/frame.ts';

/** 128 bits: as hard to collide or to guess as the random ids themselves. */
const TAG_BYTES = 16;

/**
 * The only place where ids become tags: the first 16 bytes of HMAC-SHA-256 over label and fields, each length-prefixed,
 * so that no two kinds and no two lists of fields can meet. Without the key a tag tells nothing, not even to somebody
 * who knows the id. Deterministic: the same ids always give the same tag.
 */
export interface Tags {
  account(userId: string): Promise<Tag>;
  device(userId: string, deviceId: string): Promise<Tag>;
  session(sessionId: string): Promise<Tag>;
  mailbox(userId: string, deviceId: string): Promise<Tag>;
  channel(channelId: string): Promise<Tag>;
  /** Per channel, so that nobody can be followed from one channel to another. */
  member(channelId: string, userId: string): Promise<Tag>;
  /** A membership in one of its generations: what is revoked when it ends. */
  right(channelId: string, userId: string, generation: number): Promise<Tag>;
  /** A one-time mark of an assertion. */
  once(jti: string): Promise<Tag>;
  /** A one-time mark of the code an account's authenticator shows in this step. */
  step(userId: string, step: number): Promise<Tag>;
  /** All that is stored of a recovery code. */
  recovery(userId: string, code: string): Promise<Tag>;
  /** Whoever calls from this address (address.ts, `prefixOf`) on this day. */
  address(prefix: string, day: string): Promise<Tag>;
  /** What a key log tells of an entry by: its hash, which would tell who knows the entry. */
  link(userId: string, hash: string): Promise<Tag>;
  /** Where key packages of a device lie that fit this identity key. */
  packages(userId: string, deviceId: string, identityKey: string): Promise<Tag>;
  /** Whom mailboxes and nodes count what is sent on this day for. */
  sender(userId: string, day: string): Promise<Tag>;
  /** All that is stored of an invitation to sign up. */
  invitation(jti: string): Promise<Tag>;
  /** All that is stored of an invitation to a channel, besides its channel. */
  channelInvitation(channelId: string, jti: string): Promise<Tag>;
  /** That one user does not want to hear of another. */
  block(userId: string, otherId: string): Promise<Tag>;
  /** The user id of the account whose first device is `deviceId`; makes sign-up idempotent. */
  userId(deviceId: string): Promise<string>;
  /** The user id of whom an issuer of ID tokens knows by this subject; one account for each. */
  subjectUserId(issuer: string, subject: string): Promise<string>;
}

/** Tags under a key of 32 bytes. */
export async function createTags(keyBytes: Uint8Array<ArrayBuffer>): Promise<Tags> {
  const hmac = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', keyBytes, hmac, false, ['sign']);
  const tag = async (label: string, ...fields: string[]): Promise<Tag> => {
    const digest = await crypto.subtle.sign('HMAC', key, lengthPrefixed([label, ...fields]));
    return toBase64Url(new Uint8Array(digest, 0, TAG_BYTES));
  };
  return {
    account: (userId) => tag('account', userId),
    device: (userId, deviceId) => tag('device', userId, deviceId),
    session: (sessionId) => tag('session', sessionId),
    mailbox: (userId, deviceId) => tag('mailbox', userId, deviceId),
    channel: (channelId) => tag('channel', channelId),
    member: (channelId, userId) => tag('member', channelId, userId),
    right: (channelId, userId, generation) => tag('right', channelId, userId, String(generation)),
    once: (jti) => tag('once', jti),
    step: (userId, step) => tag('step', userId, String(step)),
    recovery: (userId, code) => tag('recovery', userId, code),
    address: (prefix, day) => tag('address', prefix, day),
    link: (userId, hash) => tag('link', userId, hash),
    packages: (userId, deviceId, identityKey) => tag('packages', userId, deviceId, identityKey),
    sender: (userId, day) => tag('sender', userId, day),
    invitation: (jti) => tag('invitation', jti),
    channelInvitation: (channelId, jti) => tag('channel-invitation', channelId, jti),
    block: (userId, otherId) => tag('block', userId, otherId),
    userId: (deviceId) => tag('user-id', deviceId),
    subjectUserId: (issuer, subject) => tag('subject-user-id', issuer, subject),
  };
}
