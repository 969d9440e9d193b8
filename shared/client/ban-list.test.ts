import * as assert from 'uvu/assert';
import { signedText } from '../jws.ts';
import { rejectsWith, until } from '../testing/expect.ts';
import { describe } from '../testing/suite.ts';
import { type BanList, type BanListStore, followBanList, openBanList } from './ban-list.ts';
import { type Device, loadDevice, memoryDeviceStore } from './device.ts';
import { at, said, setUp, subscribe, textsOf } from './test/rig.ts';

const CHANNEL_ID = 'c'.repeat(22);
const [ALICE, BOB, CAROL] = ['a', 'b', 'd'].map((letter) => letter.repeat(22)) as [string, string, string];

describe('ban list', ({ test, before }) => {
  let owner: Device;
  let moderator: Device;
  let stranger: Device;
  /** Alice banned; a moderator made; Bob banned by the moderator; Alice let back in. */
  let entries: [string, string, string, string];
  before(async () => {
    const device = () => loadDevice(memoryDeviceStore());
    [owner, moderator, stranger] = await Promise.all([device(), device(), device()]);
    const list = await open();
    const made: string[] = [];
    for (const [change, by] of [
      [{ ban: [ALICE] }, owner],
      [{ moderators: [owner.publicKey, moderator.publicKey] }, owner],
      [{ ban: [BOB] }, moderator],
      [{ lift: [ALICE] }, owner],
    ] as const) {
      const entry = await list.draft(change, by);
      await list.take(entry);
      made.push(entry);
    }
    entries = made as typeof entries; // Four changes make four entries.
  });
  const open = (store?: BanListStore): Promise<BanList> =>
    openBanList({ channelId: CHANNEL_ID, owner: owner.publicKey, ...(store === undefined ? {} : { store }) });
  const upTo = async (count: number): Promise<BanList> => {
    const list = await open();
    await list.takeAll(entries.slice(0, count));
    return list;
  };
  const refuses = async (list: BanList, entry: string) => {
    const { epoch } = list;
    await rejectsWith(list.take(entry), 'ban_list_refused');
    assert.is(list.epoch, epoch);
  };
  /** An entry with other claims under the signature of the first. */
  const forged = (entry: string, change: object): string => {
    const [header, payload, signature] = entry.split('.');
    const claims = { ...JSON.parse(Buffer.from(payload ?? '', 'base64url').toString()), ...change };
    return `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`;
  };

  test('tells who is banned, entry by entry', async () => {
    const list = await upTo(3);
    assert.equal(
      [ALICE, BOB, CAROL].map((tag) => list.isBanned(tag)),
      [true, true, false],
    );
    assert.is(await list.take(entries[3]), true);
    assert.equal(
      [ALICE, BOB, CAROL].map((tag) => list.isBanned(tag)),
      [false, true, false],
    );
    assert.is(await list.take(entries[3]), false);
    assert.is(list.epoch, 4);
  });

  test('refuses a dropped entry', async () => {
    await refuses(await upTo(1), entries[2]);
    await rejectsWith((await open()).takeAll(entries.slice(1)), 'ban_list_refused');
  });

  test('refuses entries out of order', async () => {
    const list = await upTo(2);
    await refuses(list, entries[3]);
    await list.take(entries[2]);
    await list.take(entries[3]);
    const [one, two, three, four] = entries;
    await rejectsWith((await open()).takeAll([one, three, two, four]), 'ban_list_refused');
  });

  test('refuses invented entries: altered, by a stranger, by a moderator too early, of another channel', async () => {
    await refuses(await upTo(2), forged(entries[2], { ban: [CAROL] }));
    await refuses(await upTo(2), await (await upTo(2)).draft({ ban: [CAROL] }, stranger));
    await refuses(await upTo(1), await (await upTo(1)).draft({ ban: [CAROL] }, moderator));
    const elsewhere = await openBanList({ channelId: 'e'.repeat(22), owner: owner.publicKey });
    await refuses(await open(), await elsewhere.draft({ ban: [CAROL] }, owner));
    for (const text of ['', 'a.b.c', '{}']) await refuses(await open(), text);
  });

  test('refuses an epoch that is not the next one, though it is signed and linked', async () => {
    const list = await upTo(1);
    const [, payload] = (await list.draft({ ban: [BOB] }, owner)).split('.');
    const claims = JSON.parse(Buffer.from(payload ?? '', 'base64url').toString());
    const { deviceId: kid, signing } = owner;
    const signed = (epoch: number) => {
      const text = JSON.stringify({ ...claims, epoch });
      return signedText(text, { key: signing.privateKey, kid, typ: 'hushwire-ban-list+jws' });
    };
    for (const epoch of [0, 1, 3]) await refuses(list, await signed(epoch));
    assert.is(await list.take(await signed(2)), true);
  });

  test('refuses a moderator who is none any more', async () => {
    const list = await upTo(4);
    await list.take(await list.draft({ moderators: [owner.publicKey] }, owner));
    await refuses(list, await list.draft({ ban: [CAROL] }, moderator));
  });

  test('refuses to be rolled back, to a shorter list or another past', async () => {
    const list = await upTo(4);
    await rejectsWith(list.takeAll(entries.slice(0, 3)), 'ban_list_refused');
    assert.is(list.epoch, 4);
    const fork = await (await upTo(2)).draft({ ban: [CAROL] }, owner);
    await refuses(list, fork);
    const after = await upTo(2);
    await after.take(fork);
    await refuses(await upTo(3), await after.draft({ lift: [BOB] }, owner));
    assert.ok(list.isBanned(BOB));
  });

  test('refuses the same over a restart, and a store that was tampered with', async () => {
    const kept: string[] = [];
    const store: BanListStore = {
      load: async () => kept,
      append: async (_channelId, entry) => void kept.push(entry),
    };
    await (await open(store)).takeAll(entries);
    assert.equal(kept, entries);
    const again = await open(store);
    assert.is(again.epoch, 4);
    await rejectsWith(again.takeAll(entries.slice(0, 3)), 'ban_list_refused');
    kept.splice(1, 1);
    await rejectsWith(open(store), 'ban_list_refused');
  });

  test('hides what a node relays of somebody who is banned, and shows it again after the lift', async () => {
    const rig = await setUp();
    const [channel, carrier] = [await subscribe(rig, 'one', at(0)), await subscribe(rig, 'list', at(0))];
    const texts = textsOf(channel);
    const list = await open();
    const failures: string[] = [];
    const onRefused = ({ code }: { code: string }) => void failures.push(code);
    followBanList(list, { channel, entries: carrier, onRefused });
    const told = async (offset: number, entry: string, epoch: number) => {
      rig.socket().say(said('list', offset, entry));
      await until(() => list.epoch === epoch, { what: `entry ${epoch}` });
    };
    const say = (offset: number, from: string) =>
      rig.socket().say({ ...said('one', offset, `${offset}`), from });
    say(1, ALICE);
    await until(() => texts.length === 1, { what: 'the message before the ban' });
    await told(1, entries[0], 1);
    say(2, ALICE);
    say(3, BOB);
    await until(() => texts.length === 2, { what: 'the message of another' });
    rig.socket().say(said('list', 2, entries[2]));
    await until(() => failures.length === 1, { what: 'the refusal' });
    await told(3, entries[1], 2);
    await told(4, entries[2], 3);
    await told(5, entries[3], 4);
    say(4, BOB);
    say(5, ALICE);
    await until(() => texts.length === 3, { what: 'the message after the lift' });
    assert.equal(texts, ['1', '3', '5']);
    assert.equal(failures, ['ban_list_refused']);
    rig.client.close();
  });
});
