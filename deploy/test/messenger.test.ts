import * as assert from 'uvu/assert';
import { fromUtf8, utf8 } from '../../shared/bytes.ts';
import { openNodeSocket } from '../../shared/client/adapters/node-socket.ts';
import { followBanList, openBanList } from '../../shared/client/ban-list.ts';
import { loadDevice, memoryDeviceStore } from '../../shared/client/device.ts';
import { chat } from '../../shared/client/examples/chat.ts';
import { requestToJoin } from '../../shared/client/join.ts';
import { createAccount, type Messenger, type MessengerOptions } from '../../shared/client/mls/messenger.ts';
import { loadIdentity } from '../../shared/client/mls/packages.ts';
import type { SecureChannel } from '../../shared/client/mls/secure-channel.ts';
import { memoryGroups } from '../../shared/client/mls/store.ts';
import { Receipts } from '../../shared/client/receipts.ts';
import { Signals } from '../../shared/client/signals.ts';
import { Typing } from '../../shared/client/typing.ts';
import type { Failure } from '../../shared/failure.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { type Stack, startStack } from '../local/stack.ts';

describe('the messenger', ({ test, before, after, afterEach }) => {
  let stack: Stack;
  const open: Messenger[] = [];
  before(async () => {
    stack = await startStack();
  });
  after(() => stack?.stop());
  afterEach(() => {
    for (const messenger of open.splice(0)) messenger.close();
  });

  const account = async (options: Partial<MessengerOptions> = {}) => {
    const messenger = await createAccount({
      edge: stack.edgeUrl,
      openSocket: openNodeSocket,
      keyPackages: 3,
      ...options,
    });
    open.push(messenger);
    return messenger;
  };
  const heardIn = (channel: SecureChannel) => {
    const heard: string[] = [];
    channel.on('message', ({ from, text, missing }) => heard.push(`${from.userId} ${text()} ${missing}`));
    return heard;
  };
  const heard = (lines: readonly string[], count: number) =>
    until(() => lines.length >= count, { what: `${count} messages` });

  test('runs the example on Node', async () => {
    const { heard, file } = await chat({
      edge: stack.edgeUrl,
      openSocket: openNodeSocket,
      keyPackages: 3,
    });
    assert.equal([heard, file], [['hello', 'you said hello'], 'a file']);
  });

  test('lets two accounts on two nodes talk, and a third join who reads only what follows', async () => {
    const [ann, ben, cem] = [
      await account({ node: 'node-1' }),
      await account({ node: 'node-2' }),
      await account(),
    ];
    const inAnn = await ann.channels.create([ben.userId]);
    const inBen = await ben.channels.join(inAnn.channelId);
    const [atAnn, atBen] = [heardIn(inAnn), heardIn(inBen)];
    await inAnn.send('hello');
    await inBen.send('hi');
    await Promise.all([heard(atAnn, 1), heard(atBen, 1)]);
    assert.equal([atAnn, atBen], [[`${ben.userId} hi 0`], [`${ann.userId} hello 0`]]);
    await ann.channels.add(inAnn, [cem.userId]);
    const inCem = await cem.channels.join(inAnn.channelId);
    const atCem = heardIn(inCem);
    await inBen.send('to all');
    await Promise.all([heard(atAnn, 2), heard(atCem, 1)]);
    assert.equal(atCem, [`${ben.userId} to all 0`]);
    assert.equal(await inCem.secret('files'), await inAnn.secret('files'));
  });

  test('lets both of two commits at once count, one after the other', async () => {
    const [ann, ben] = [await account(), await account()];
    const inAnn = await ann.channels.create([ben.userId]);
    const inBen = await ben.channels.join(inAnn.channelId);
    await Promise.all([inAnn.renew(), inBen.renew(), inAnn.renew()]);
    const [atAnn, atBen] = [heardIn(inAnn), heardIn(inBen)];
    await Promise.all([inAnn.send('a'), inBen.send('b')]);
    await Promise.all([heard(atAnn, 1), heard(atBen, 1)]);
    assert.equal(await inAnn.secret('x'), await inBen.secret('x'));
  });

  test('leaves a removed member without what follows', async () => {
    const [ann, ben] = [await account(), await account()];
    const inAnn = await ann.channels.create([ben.userId]);
    const inBen = await ben.channels.join(inAnn.channelId);
    const atBen = heardIn(inBen);
    const refused: string[] = [];
    inBen.on('refused', ({ id }) => refused.push(id));
    await inAnn.remove(ben.userId);
    const { id } = await inAnn.send('without ben');
    await until(() => refused.includes(id), { what: 'the message ben cannot read' });
    assert.equal([atBen, inBen.isMember], [[], false]);
  });

  test('shows nothing of whom the moderators’ list bans, though the nodes relay it, and takes no forged entry', async () => {
    const [ann, ben, cem] = [await account(), await account(), await account()];
    const inAnn = await ann.channels.create([ben.userId, cem.userId]);
    const { channelId } = inAnn;
    const [inBen, inCem] = [await ben.channels.join(channelId), await cem.channels.join(channelId)];
    const listInAnn = await ann.channels.create([cem.userId]);
    const listInCem = await cem.channels.join(listInAnn.channelId);
    const [moderator, stranger] = [
      await loadDevice(memoryDeviceStore()),
      await loadDevice(memoryDeviceStore()),
    ];
    const open = (owner = moderator) => openBanList({ channelId, owner: owner.publicKey });
    const [drafts, seen] = [await open(), await open()];
    const refused: string[] = [];
    const onRefused = ({ code }: Failure) => void refused.push(code);
    followBanList(seen, { channel: inCem, entries: listInCem, onRefused });
    const [texts, tags] = [[] as string[], [] as string[]];
    inCem.on('message', ({ text, reportable }) => {
      texts.push(text());
      tags.push(reportable.from);
    });
    const say = async (text: string) => {
      await inBen.send(`ben: ${text}`);
      await inAnn.send(`ann: ${text}`);
      await until(() => texts.at(-1) === `ann: ${text}`, { what: `all of ${text}` });
    };
    const enter = async (entry: string, isTaken: boolean) => {
      const [epoch, count] = [seen.epoch, refused.length];
      await listInAnn.send(entry);
      await until(() => seen.epoch + refused.length > epoch + count, { what: 'a verdict on the entry' });
      assert.is(seen.epoch, epoch + (isTaken ? 1 : 0));
    };

    await say('one');
    const tag = tags[0] ?? '';
    const ban = await drafts.draft({ ban: [tag] }, moderator);
    await enter(await (await open(stranger)).draft({ ban: [tags[1] ?? ''] }, stranger), false);
    await drafts.take(ban);
    const lift = await drafts.draft({ lift: [tag] }, moderator);
    await enter(lift, false);
    await enter(ban, true);
    await enter(await (await open()).draft({ lift: [tag] }, moderator), false);
    await say('two');
    await enter(lift, true);
    await say('three');
    assert.equal(texts, ['ben: one', 'ann: one', 'ann: two', 'ben: three', 'ann: three']);
    assert.equal(refused, Array(3).fill('ban_list_refused'));
  });

  test('carries what nobody keeps, for members only, and mail that is no invitation', async () => {
    const mail: string[] = [];
    const ann = await account({ onMail: (item) => void mail.push(fromUtf8(item)) });
    const [ben, cem] = [await account(), await account()];
    const inAnn = await ann.channels.create([ben.userId, cem.userId]);
    const [inBen, inCem] = [
      await ben.channels.join(inAnn.channelId),
      await cem.channels.join(inAnn.channelId),
    ];
    const heardBy = { ben: [] as string[], cem: [] as string[] };
    inBen.on('ephemeral', ({ bytes }) => void heardBy.ben.push(fromUtf8(bytes)));
    inCem.on('ephemeral', ({ bytes }) => void heardBy.cem.push(fromUtf8(bytes)));
    await inAnn.remove(cem.userId);
    await until(() => inBen.members.length === 2, { what: 'the group without cem' });
    await inAnn.sendEphemeral('typing');
    await until(() => heardBy.ben.length === 1, { what: 'the ephemeral message' });
    await inAnn.send('later');
    assert.equal(heardBy, { ben: ['typing'], cem: [] });
    await ben.client.mailbox.send(ann.userId, () => utf8('a note'));
    await until(() => mail.length === 1, { what: 'the mail' });
    assert.equal(mail, ['a note']);
    assert.ok((await ann.client.roundTrip()) >= 0);
  });

  test('tells who types, and how far each has received and read', async () => {
    const [ann, ben] = [await account(), await account()];
    const inAnn = await ann.channels.create([ben.userId]);
    const inBen = await ben.channels.join(inAnn.channelId);
    const [ofAnn, ofBen] = [new Signals(inAnn, ann.userId), new Signals(inBen, ben.userId)];
    const typing = new Typing(ofAnn);
    new Typing(ofBen).typed();
    await until(() => typing.users[0] === ben.userId, { what: 'typing' });

    const [atAnn, atBen] = [new Receipts(ofAnn), new Receipts(ofBen)];
    inBen.on('message', ({ position }) => atBen.delivered(position));
    const { position } = await inAnn.send('hello');
    await until(() => atAnn.countAt(position).delivered === 1, { what: 'delivered' });
    assert.is(atAnn.countAt(position).read, 0);
    atBen.read(position);
    await until(() => atAnn.countAt(position).read === 1, { what: 'read' });
    for (const one of [typing, atAnn, atBen, ofAnn, ofBen]) one.close();
  });

  test('goes on after a restart where it was, without a repeat', async () => {
    const [ann, store, groups] = [await account(), memoryDeviceStore(), memoryGroups()];
    const ben = await account({ store, groups });
    const inAnn = await ann.channels.create([ben.userId]);
    const first = await ben.channels.join(inAnn.channelId);
    const before = heardIn(first);
    await inAnn.send('one');
    await heard(before, 1);
    ben.close();
    await inAnn.send('two');
    await inAnn.renew();
    await inAnn.send('three');
    const again = await account({ store, groups });
    assert.equal(await again.channels.list(), [inAnn.channelId]);
    const messages = (await again.channels.join(inAnn.channelId)).messages();
    const texts: string[] = [];
    for await (const message of messages) {
      texts.push(`${message.text()} ${message.missing}`);
      if (texts.length === 2) break;
    }
    assert.equal(texts, ['two 0', 'three 0']);
  });

  test('brings in a new device of an account, and takes out one that was revoked', async () => {
    const [ann, ben] = [await account(), await account()];
    const inAnn = await ann.channels.create([ben.userId]);
    await ben.channels.join(inAnn.channelId);
    const [store, groups] = [memoryDeviceStore(), memoryGroups()];
    const device = await loadDevice(store);
    const { publicKey: identityKey } = await loadIdentity(groups);
    const { userId } = ben;
    const nowMs = Date.now();
    await ben.client.keys.addDevice(
      await requestToJoin(device, { userId, identityKey, edge: stack.edgeUrl, nowMs }),
    );
    await store.save({ signing: device.signing, agreement: device.agreement, userId });
    const tablet = await account({ store, groups });
    await inAnn.refresh();
    const inTablet = await tablet.channels.join(inAnn.channelId);
    const atTablet = heardIn(inTablet);
    await inAnn.send('to both');
    await heard(atTablet, 1);
    await ben.client.keys.removeDevice(device.deviceId);
    await inAnn.refresh();
    assert.equal(inAnn.members.map(({ deviceId }) => deviceId).includes(device.deviceId), false);
  });
}, 60_000);
