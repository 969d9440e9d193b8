import type { Tag } from '../../shared/frame.ts';
import type {
  BanPage,
  BanRow,
  BansChange,
  BansChanged,
  BansRequest,
  MembersChange,
  MembersChanged,
} from '../../shared/internal.ts';

interface Tables {
  readonly channels: ReadonlyMap<string, unknown>;
  readonly members: Map<string, { sealed: string; version: number; channel: Tag }>;
}

/** What an origin does with memberships and bans, in memory. */
export function createMemoryModeration(tables: Tables, endSessions: (account: Tag) => readonly Tag[]) {
  const bans = new Map<Tag, BanRow & { readonly channel: Tag | undefined }>();
  const revoked: Tag[] = [];
  const place = (rows: readonly BanRow[], channel: Tag | undefined) => {
    for (const row of rows) bans.set(row.ban, { ...row, channel });
  };
  return {
    bans,
    /** Rights that ended, in their order. */
    revoked,
    changeMembers: ({
      channel,
      members,
      bans: placed = [],
      lifted = [],
      unless = [],
    }: MembersChange): MembersChanged => {
      if (!tables.channels.has(channel)) return { result: 'missing' };
      if (unless.some((tag) => bans.has(tag))) return { result: 'barred' };
      const isStale = members.some(
        ({ member, version }) => (tables.members.get(member)?.version ?? 0) !== version - 1,
      );
      if (isStale) return { result: 'stale' };
      for (const { member, sealed, version, revokes } of members) {
        tables.members.set(member, { sealed, version, channel });
        if (revokes !== undefined) revoked.push(revokes);
      }
      place(placed, channel);
      for (const tag of lifted) bans.delete(tag);
      return { result: 'changed' };
    },
    placeBans: ({ accounts, bans: placed, lifted }: BansChange): BansChanged => {
      place(placed, undefined);
      for (const tag of lifted) bans.delete(tag);
      return { sessions: accounts.flatMap(endSessions) };
    },
    isBanned: (tags: readonly Tag[]): boolean => tags.some((tag) => bans.has(tag)),
    listBans: ({ channel, after }: BansRequest): BanPage => ({
      bans: [...bans.values()]
        .filter((row) => row.channel === channel && row.ban > after)
        .sort((a, b) => (a.ban < b.ban ? -1 : 1))
        .map(({ channel: _, ...row }) => row),
      isWhole: true,
    }),
  };
}
