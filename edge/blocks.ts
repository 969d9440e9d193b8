/**
 * Whom users do not want to hear of. A block is one row at the origin, by a keyed tag of the two: nobody but the edge can tell
 * who it is about. Whoever is blocked finds the other as if there were no such user.
 */
import type { Tag } from '../shared/frame.ts';
import type { OriginApi } from './ports.ts';
import type { Tags } from './tags.ts';

/** What would be there if they had blocked the caller: a tag for each user. */
export type BlockWants = ReadonlyMap<string, Tag>;

export async function wantBlocks(
  callerId: string,
  { userIds, tags }: { readonly userIds: readonly string[]; readonly tags: Tags },
): Promise<BlockWants> {
  const others = userIds.filter((userId) => userId !== callerId);
  const pairs = others.map(async (userId) => [userId, await tags.block(userId, callerId)] as const);
  return new Map(await Promise.all(pairs));
}

/** Those who have blocked the caller; one trip. Throws `unavailable`: who may reach whom is not guessed. */
export async function findBlocking(
  wants: BlockWants,
  { origin, requestId }: { readonly origin: Pick<OriginApi, 'findBlocks'>; readonly requestId: string },
): Promise<ReadonlySet<string>> {
  if (wants.size === 0) return new Set();
  const { found } = await origin.findBlocks({ blocks: [...wants.values()] }, requestId);
  const inForce = new Set(found);
  return new Set([...wants].filter(([, block]) => inForce.has(block)).map(([userId]) => userId));
}
