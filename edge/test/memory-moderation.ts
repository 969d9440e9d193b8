import type { Tag } from '../../shared/frame.ts';
import type { BanPage, BanRow, BansChange, BansChanged, BansRequest } from '../../shared/internal/bans.ts';
import {
  CHANNEL_INVITATIONS_MAX,
  type ChannelDeleted,
  type ChannelDeletion,
  type ChannelInvitation,
  type ChannelInvitationChange,
  type ChannelInvitationChanged,
  type ChannelInvitations,
  type ChannelInvitationsRequest,
  type MembersChange,
  type MembersChanged,
} from '../../shared/internal/channels.ts';

interface Tables {
  readonly channels: Map<string, unknown>;
  readonly members: Map<string, { sealed: string; version: number; channel: Tag }>;
}

/** What an origin does with memberships and bans, in memory. */
export function createMemoryModeration(tables: Tables, endSessions: (account: Tag) => readonly Tag[]) {
  const bans = new Map<Tag, BanRow & { readonly channel: Tag | undefined }>();
  const revoked: Tag[] = [];
  const place = (rows: readonly BanRow[], channel: Tag | undefined) => {
    for (const row of rows) bans.set(row.ban, { ...row, channel });
  };
  const invitations = new Map<Tag, ChannelInvitation & { readonly channel: Tag }>();
  const listInvitations = (channel: Tag) =>
    [...invitations.values()].filter((one) => one.channel === channel);
  const use = (channel: Tag, { invitation, uses }: { invitation: Tag; uses: number }): boolean => {
    const held = invitations.get(invitation);
    if (held?.channel !== channel || held.used >= uses) return false;
    const used = held.used + 1;
    if (used < Math.min(uses, held.uses)) invitations.set(invitation, { ...held, used });
    else invitations.delete(invitation);
    return true;
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
      redeems,
    }: MembersChange): MembersChanged => {
      if (!tables.channels.has(channel)) return { result: 'missing' };
      if (unless.some((tag) => bans.has(tag))) return { result: 'barred' };
      const isStale = members.some(
        ({ member, version }) => (tables.members.get(member)?.version ?? 0) !== version - 1,
      );
      if (isStale) return { result: 'stale' };
      if (redeems !== undefined && !use(channel, redeems)) return { result: 'refused' };
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
    deleteChannel: ({ channel }: ChannelDeletion): ChannelDeleted => {
      if (!tables.channels.delete(channel)) return { result: 'missing', members: [] };
      const members = [...tables.members].filter(([, one]) => one.channel === channel).map(([tag]) => tag);
      for (const tag of members) tables.members.delete(tag);
      for (const one of listInvitations(channel)) invitations.delete(one.invitation);
      revoked.push(channel);
      return { result: 'deleted', members };
    },
    changeInvitation: (change: ChannelInvitationChange): ChannelInvitationChanged => {
      const { channel, invitation } = change;
      if (!tables.channels.has(channel)) return { result: 'missing' };
      if (change.what === 'revoke') invitations.delete(invitation);
      else if (!invitations.has(invitation)) {
        if (listInvitations(channel).length >= CHANNEL_INVITATIONS_MAX) return { result: 'full' };
        const { uses, expiresOn } = change;
        invitations.set(invitation, { channel, invitation, uses, used: 0, expiresOn });
      }
      return { result: 'changed' };
    },
    listInvitations: ({ channel }: ChannelInvitationsRequest): ChannelInvitations => ({
      invitations: listInvitations(channel).map(({ channel: _, ...invitation }) => invitation),
    }),
    invitations,
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
