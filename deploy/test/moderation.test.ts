import { Redis } from 'ioredis';
import * as assert from 'uvu/assert';
import { openNodeSocket } from '../../shared/client/adapters/node-socket.ts';
import type { Channel } from '../../shared/client/channel.ts';
import { createCrypto } from '../../shared/client/crypto-default.ts';
import { type Client, connectAccount } from '../../shared/client/hushwire.ts';
import type { Failure } from '../../shared/failure.ts';
import { rejectsWith, until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { type Stack, startStack } from '../local/stack.ts';
import { StateCopies } from './state-copies.ts';

describe('moderation across two nodes', ({ test, before, after }) => {
  let stack: Stack;
  let state: Redis;
  let owner: Client;
  let member: Client;
  let channelId: string;
  const keys = new Map<string, Uint8Array<ArrayBuffer>>();
  before(async () => {
    stack = await startStack();
    state = new Redis(stack.redisUrl, { protocol: 2 });
    const connect = (node: string) =>
      connectAccount({
        edge: stack.edgeUrl,
        node,
        openSocket: openNodeSocket,
        crypto: (device) => createCrypto(device, keys),
      });
    owner = await connect('node-1');
    member = await connect('node-2');
    channelId = await owner.createChannel();
    await owner.addMember(channelId, member.userId);
  });
  after(async () => {
    owner?.close();
    member?.close();
    state?.disconnect();
    await stack?.stop();
  });

  const enter = async (client: Client): Promise<Channel> => {
    const channel = client.channel(channelId);
    await channel.subscribe();
    return channel;
  };
  /** How often the nodes have refused grants. */
  const grantsRefused = async () => {
    const metrics = await Promise.all(
      stack.nodes.map(async ({ healthUrl }) => (await fetch(`${healthUrl}/metrics`)).text()),
    );
    const counts = metrics.map(
      (text) => /command_failures_total\{[^}]*"grant_refused"[^}]*\} (\d+)/.exec(text)?.[1],
    );
    return counts.reduce((sum, count) => sum + Number(count ?? 0), 0);
  };
  /** Hears what the other says, and nothing any more once the channel is lost. */
  const losesItBy = async (act: () => Promise<void>) => {
    const [from, to] = [await enter(owner), await enter(member)];
    const heard: string[] = [];
    to.on('message', (message) => void heard.push(message.text()));
    await from.publish('before');
    await until(() => heard.includes('before'), { what: 'the message before' });
    const beganMs = performance.now();
    await act();
    await until(() => to.state === 'revoked', { what: 'the end of the channel', timeoutMs: 2_000 });
    const tookMs = performance.now() - beganMs;
    await from.publish('after');
    assert.not(heard.includes('after'));
    to.close();
    return tookMs;
  };

  test('a ban throws a live member of another node out within two seconds, and rejoining does not lift it', async () => {
    const { moderation } = { moderation: owner.moderation(channelId) };
    const tookMs = await losesItBy(() => moderation.ban({ userIds: [member.userId] }));
    assert.ok(tookMs < 2_000, `${tookMs} ms`);
    await rejectsWith(owner.addMember(channelId, member.userId), 'conflict');
    assert.is((await moderation.bans()).bans.length, 1);
    await moderation.lift([member.userId]);
    assert.is((await moderation.bans()).bans.length, 0);
    await owner.addMember(channelId, member.userId);
  });

  test('a ban holds over a state Redis that lags behind it, or was emptied', async () => {
    (await enter(member)).close();
    const copies = new StateCopies(state, ['member']);
    assert.ok((await copies.take()) > 0);
    await owner.moderation(channelId).ban({ userIds: [member.userId] });
    for (const isLagging of [true, false]) {
      await (isLagging ? copies.putBack() : copies.empty());
      const refusedBefore = await grantsRefused();
      const channel = member.channel(channelId);
      // By the old copy the edge still grants, and the nodes know better: it tries again and again.
      const entering = channel.subscribe().then(
        () => 'live',
        (error: Failure) => error.code,
      );
      if (isLagging) await until(async () => (await grantsRefused()) > refusedBefore, { what: 'a refusal' });
      else assert.is(await entering, 'not_a_member');
      assert.is.not(channel.state, 'live');
      channel.close();
    }
    await owner.moderation(channelId).lift([member.userId]);
    await owner.addMember(channelId, member.userId);
    (await enter(member)).close();
  });

  test('so does removal, and whoever was removed comes back when added again', async () => {
    await losesItBy(() => owner.moderation(channelId).remove(member.userId));
    await rejectsWith(enter(member), 'not_a_member');
    member.channel(channelId).close();
    await owner.addMember(channelId, member.userId);
    (await enter(member)).close();
  });

  test('a moderator moderates, and leaving ends one’s own channel', async () => {
    await owner.moderation(channelId).setRole(member.userId, 'moderator');
    await rejectsWith(member.moderation(channelId).remove(owner.userId), 'forbidden');
    await losesItBy(() => member.moderation(channelId).leave());
  });
}, 60_000);
