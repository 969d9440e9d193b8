/**
 * Who is as if not there: whoever has blocked the caller, and whoever is banned from the service. Either is one row at the
 * origin, by a keyed tag: nobody but the edge can tell who it is about. They are found, written to and added to channels no
 * more than users who do not exist, and nothing tells which of it is so.
 */
import type { Tag } from '../shared/frame.ts';
import type { BanTags } from './bans.ts';
import type { OriginApi } from './ports.ts';
import type { Tags } from './tags.ts';

/** What would be there: a block by each user, and bans of them under every key. */
export type AbsenceWants = ReadonlyMap<string, { readonly block: Tag; readonly bans: readonly Tag[] }>;

interface AbsenceParts {
  readonly userIds: readonly string[];
  readonly tags: Tags;
  readonly banTags: BanTags;
}

export async function wantAbsence(
  callerId: string,
  { userIds, tags, banTags }: AbsenceParts,
): Promise<AbsenceWants> {
  const others = userIds.filter((userId) => userId !== callerId);
  const wants = others.map(async (userId) => {
    const [block, bans] = await Promise.all([tags.block(userId, callerId), banTags.all(userId)]);
    return [userId, { block, bans }] as const;
  });
  return new Map(await Promise.all(wants));
}

/** Those who are as if not there; one trip. Throws `unavailable`: who may reach whom is not guessed. */
export async function findAbsent(
  wants: AbsenceWants,
  { origin, requestId }: { readonly origin: Pick<OriginApi, 'findBlocks'>; readonly requestId: string },
): Promise<ReadonlySet<string>> {
  if (wants.size === 0) return new Set();
  const all = [...wants.values()];
  const search = { blocks: all.map(({ block }) => block), bans: all.flatMap(({ bans }) => bans) };
  const inForce = new Set((await origin.findBlocks(search, requestId)).found);
  const isAbsent = ({ block, bans }: { block: Tag; bans: readonly Tag[] }) =>
    inForce.has(block) || bans.some((ban) => inForce.has(ban));
  return new Set([...wants].filter(([, want]) => isAbsent(want)).map(([userId]) => userId));
}
