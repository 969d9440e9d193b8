/** Channels of the account. */
import type { Command } from '../command.ts';

const list: Command = {
  name: 'channels',
  takes: '',
  about: 'Lists the channels of this device, with how many devices are in each.',
  run: async ({ open, output }) => {
    const { channels } = (await open()).messenger;
    for (const channel of await channels.list()) {
      const devices = (await channels.members(channel)).length;
      await output.tell(`${channel}  ${devices} devices`, { channel, devices });
    }
  },
};

const create: Command = {
  name: 'channels create',
  takes: '[<user>...]',
  about: 'Makes a channel with these users in it, and prints its id.',
  run: async ({ open, output, args, signal }) => {
    const account = await open();
    const { channelId } = await account.messenger.channels.create(args);
    await account.channel(channelId, signal);
    await output.tell(channelId, { channel: channelId });
  },
};

const invite: Command = {
  name: 'channels invite',
  takes: '<channel> <user>...',
  about: 'Lets users into a channel; its owner and moderators may.',
  run: async ({ open, args: [channelId = '', ...users], signal }) => {
    const account = await open();
    const channel = await account.channel(channelId, signal);
    await account.messenger.channels.add(channel, users);
  },
};

const join: Command = {
  name: 'channels join',
  takes: '<channel>',
  about: 'Waits until this device has been let into a channel, and prints its id.',
  run: async ({ open, output, args: [channelId = ''], signal }) => {
    await (await open()).channel(channelId, signal);
    await output.tell(channelId, { channel: channelId });
  },
};

const leave: Command = {
  name: 'channels leave',
  takes: '<channel>',
  about: 'Leaves a channel for good; its owner cannot.',
  run: async ({ open, args: [channelId = ''] }) => {
    const { client, channels } = (await open()).messenger;
    await client.moderation(channelId).leave();
    await channels.forget(channelId);
  },
};

const members: Command = {
  name: 'members',
  takes: '<channel>',
  about: 'Lists who can read a channel: users, and their devices.',
  run: async ({ open, output, args: [channelId = ''], signal }) => {
    const account = await open();
    const own = account.messenger.userId;
    for (const { userId, deviceId } of (await account.channel(channelId, signal)).members)
      await output.tell(`${userId} ${deviceId}${userId === own ? '  you' : ''}`, { userId, deviceId });
  },
};

export const CHANNELS: readonly Command[] = [list, create, invite, join, leave, members];
