/** Bans of a channel. */
import { type Command, UsageError } from '../command.ts';

const ban: Command = {
  name: 'ban',
  takes: '<channel> <user>...',
  about: `Bans users from a channel: they lose it at live connections within two seconds, and the group's keys change. Owner
and moderators may.`,
  options: { until: { value: '<yyyy-mm-dd>', about: 'last day of the ban, UTC (default: for good)' } },
  run: async ({ open, args: [channelId = '', ...userIds], values: { until }, signal }) => {
    if (until !== undefined && !/^\d{4}-\d\d-\d\d$/.test(until))
      throw new UsageError('--until takes a day, as 2030-12-31');
    const account = await open();
    await account.messenger.client
      .moderation(channelId)
      .ban({ userIds, ...(until === undefined ? {} : { until }) });
    const channel = await account.channel(channelId, signal);
    for (const userId of userIds) await channel.remove(userId);
  },
};

const lift: Command = {
  name: 'lift',
  takes: '<channel> <user>...',
  about: 'Lifts bans; those users are no members then, and may be invited again.',
  run: async ({ open, args: [channelId = '', ...userIds] }) =>
    (await open()).messenger.client.moderation(channelId).lift(userIds),
};

const bans: Command = {
  name: 'bans',
  takes: '<channel>',
  about: 'Lists bans in force, by tag; whom they are of only their statements tell.',
  run: async ({ open, output, args: [channelId = ''] }) => {
    const moderation = (await open()).messenger.client.moderation(channelId);
    for (let after: string | undefined, isWhole = false; !isWhole; ) {
      const page = await moderation.bans(after);
      for (const { ban, until } of page.bans)
        await output.tell(`${ban}  ${until === undefined ? 'for good' : `until ${until}`}`, { ban, until });
      after = page.bans.at(-1)?.ban;
      isWhole = page.isWhole || after === undefined;
    }
  },
};

export const MODERATION: readonly Command[] = [ban, lift, bans];
