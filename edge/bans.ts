import { lengthPrefixed, toBase64Url } from '../shared/bytes.ts';
import type { Tag } from '../shared/frame.ts';
import type { VersionedKey } from './config.ts';

/**
 * What a ban is found by: a keyed tag of whom it is about, and where. Without the key it tells nothing, not even to
 * somebody who knows the ids; a plain digest could be tested against them.
 */
export interface BanTags {
  /** Under the first key: for placing. */
  place(userId: string, channelId?: string): Promise<{ readonly ban: Tag; readonly keyVersion: number }>;
  /** Under every key but the first: what a new placing takes the place of. */
  former(userId: string, channelId?: string): Promise<readonly Tag[]>;
  /** Under every key: for checking and lifting. A key goes when no ban in force is of its version any more. */
  all(userId: string, channelId?: string): Promise<readonly Tag[]>;
}

/** Half of HMAC-SHA-256, as every tag of ours has. */
const TAG_BYTES = 16;

export async function createBanTags(keys: readonly VersionedKey[]): Promise<BanTags> {
  const hmac = { name: 'HMAC', hash: 'SHA-256' };
  const ring = await Promise.all(
    keys.map(async ({ version, bytes }) => ({
      version,
      key: await crypto.subtle.importKey('raw', bytes.reveal(), hmac, false, ['sign']),
    })),
  );
  const tag = async (key: CryptoKey, userId: string, channelId: string): Promise<Tag> => {
    const digest = await crypto.subtle.sign('HMAC', key, lengthPrefixed(['ban', channelId, userId]));
    return toBase64Url(new Uint8Array(digest, 0, TAG_BYTES));
  };
  const [first, ...older] = ring;
  if (first === undefined) throw new TypeError('Cannot tag bans: no key');
  return {
    place: async (userId, channelId = '') => ({
      ban: await tag(first.key, userId, channelId),
      keyVersion: first.version,
    }),
    former: (userId, channelId = '') => Promise.all(older.map(({ key }) => tag(key, userId, channelId))),
    all: (userId, channelId = '') => Promise.all(ring.map(({ key }) => tag(key, userId, channelId))),
  };
}
