import * as assert from 'uvu/assert';
import { randomId } from '../bytes.ts';
import { readEntry, signEntry } from '../key-log.ts';
import { LIMITS } from '../limits.ts';
import { rejectsWith } from '../testing/expect.ts';
import { describe } from '../testing/suite.ts';
import { loadDevice, memoryDeviceStore } from './device.ts';
import { KnownLogs, memoryKnownLogs } from './known-logs.ts';

/** A log of `length` entries of one device, and what an edge would answer of it. */
async function logOf(length: number, userId = randomId()) {
  const device = await loadDevice(memoryDeviceStore());
  const { publicKey, deviceId, signing } = device;
  const append = async (before: string | undefined, identityKey: string) => {
    const last = before === undefined ? undefined : await readEntry(before);
    const claims = {
      sub: userId,
      sequence: (last?.sequence ?? 0) + 1,
      ...(last === undefined ? {} : { previous: last.hash }),
      devices: [{ publicKey, identityKey }],
    };
    return signEntry(claims, { key: signing.privateKey, deviceId });
  };
  const entries: string[] = [];
  for (let i = 0; i < length; i += 1) entries.push(await append(entries.at(-1), 'AAAA'));
  return { userId, deviceId, entries, append };
}

/** Answers pages of whatever `entries` are now. */
function edgeOf(entries: string[]) {
  const asked: number[] = [];
  const history = async (_userId: string, after: number) => {
    asked.push(after);
    return { entries: entries.slice(after, after + LIMITS.keyLogEntriesPerPage) };
  };
  const store = memoryKnownLogs();
  const { signal } = new AbortController();
  return { asked, store, logs: new KnownLogs({ store, api: { history }, signal }) };
}

describe('known logs', ({ test }) => {
  test('follow a log from its first entry on, and ask for nothing when one entry is new', async () => {
    const { userId, deviceId, entries, append } = await logOf(1);
    const { logs, asked, store } = edgeOf(entries);
    const first = await logs.follow(userId, entries[0] ?? '');
    assert.equal([first.sequence, first.genesis], [1, first.hash]);
    const second = await append(entries[0], 'BBBB');
    const log = await logs.follow(userId, second);
    assert.equal([log.sequence, log.genesis], [2, first.hash]);
    assert.is(log.devices.get(deviceId)?.identityKey, 'BBBB');
    assert.equal(asked, []);
    assert.is((await store.load(userId))?.hash, log.hash);
  });

  test('fetch what lies in between, page after page', async () => {
    const { userId, entries } = await logOf(70);
    const { logs, asked } = edgeOf(entries);
    assert.is((await logs.follow(userId, entries.at(-1) ?? '')).sequence, 70);
    assert.equal(asked, [0, 32, 64]);
    assert.is((await logs.read(userId))?.sequence, 70);
    assert.equal(asked.at(-1), 70);
  });

  test('refuse a log that was taken back, split, or is of another user, and remember what they had', async () => {
    const { userId, entries, append } = await logOf(3);
    const { logs, store } = edgeOf(entries);
    const [one = '', two = '', three = ''] = entries;
    await logs.follow(userId, three);
    const known = await store.load(userId);
    const fork = await append(two, 'CCCC');
    const other = await logOf(4, userId);
    for (const newest of [one, two, fork, other.entries[3] ?? '', (await logOf(1)).entries[0] ?? '', 'a.b.c'])
      await rejectsWith(logs.follow(userId, newest), 'key_log_refused');
    assert.equal(await store.load(userId), known);
    assert.is((await logs.follow(userId, three)).sequence, 3);
  });

  test('refuse a log whose pages leave something out, bring something else or end too early', async () => {
    const { userId, entries } = await logOf(4);
    const newest = entries[3] ?? '';
    const other = await logOf(4, userId);
    const [one = '', two = ''] = entries;
    for (const pages of [
      [],
      [one],
      [two],
      [one, entries[2] ?? ''],
      other.entries,
      [one, other.entries[1] ?? ''],
    ])
      await rejectsWith(edgeOf(pages).logs.follow(userId, newest), 'key_log_refused');
    await edgeOf(entries).logs.follow(userId, newest);
  });

  test('refuse the log of somebody else under a name, also when it is read from its beginning', async () => {
    for (const length of [1, 2]) {
      const { entries } = await logOf(length);
      const { logs, store } = edgeOf(entries);
      const userId = randomId();
      await rejectsWith(logs.read(userId), 'key_log_refused');
      assert.is(await store.load(userId), undefined);
    }
    assert.is(await edgeOf([]).logs.read(randomId()), undefined);
  });

  test('never go back, however many are followed at the same time', async () => {
    const { userId, entries } = await logOf(6);
    const { logs, store } = edgeOf(entries);
    await Promise.allSettled(entries.map((entry) => logs.follow(userId, entry)));
    await logs.follow(userId, entries[5] ?? '');
    await Promise.allSettled([...entries].reverse().map((entry) => logs.follow(userId, entry)));
    assert.is((await store.load(userId))?.sequence, 6);
  });
});
