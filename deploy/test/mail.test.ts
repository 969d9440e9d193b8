import * as assert from 'uvu/assert';
import { randomId, utf8 } from '../../shared/bytes.ts';
import { openNodeSocket } from '../../shared/client/adapters/node-socket.ts';
import { loadDevice, memoryDeviceStore } from '../../shared/client/device.ts';
import { type Client, connectAccount } from '../../shared/client/hushwire.ts';
import { requestToJoin } from '../../shared/client/join.ts';
import type { ClientOptions } from '../../shared/client/options.ts';
import { LIMITS } from '../../shared/limits.ts';
import { rejectsWith, until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { type Stack, startStack } from '../local/stack.ts';

describe('keys and mailboxes of the SDK', ({ test, before, after, afterEach }) => {
  let stack: Stack;
  const open: Client[] = [];
  before(async () => {
    stack = await startStack();
  });
  after(() => stack?.stop());
  afterEach(() => {
    for (const client of open.splice(0)) client.close();
  });

  const connect = async (options: Partial<ClientOptions> = {}) => {
    const client = await connectAccount({ edge: stack.edgeUrl, openSocket: openNodeSocket, ...options });
    open.push(client);
    return client;
  };
  const withKeys = async (options: Partial<ClientOptions> = {}) => {
    const client = await connect(options);
    await client.keys.publish(utf8(`identity of ${client.deviceId}`));
    return client;
  };
  const inboxOf = (client: Client) => {
    const texts: string[] = [];
    client.mailbox.receive(({ ciphertext }) => void texts.push(new TextDecoder().decode(ciphertext)));
    return texts;
  };
  /** A second device of the same account, approved by the first. */
  const addDevice = async (client: Client, options: Partial<ClientOptions> = {}) => {
    const store = memoryDeviceStore();
    const device = await loadDevice(store);
    const { userId } = client;
    const identityKey = utf8(`identity of ${device.deviceId}`);
    const request = await requestToJoin(device, {
      userId,
      identityKey,
      edge: stack.edgeUrl,
      nowMs: Date.now(),
    });
    await client.keys.addDevice(request);
    await store.save({ signing: device.signing, agreement: device.agreement, userId });
    return { store, deviceId: device.deviceId, connect: () => connect({ store, ...options }) };
  };

  test('carry a message to every device of a user on other nodes, and to one that is away on its return', async () => {
    const alice = await withKeys({ node: 'node-1' });
    const bob = await withKeys({ node: 'node-2' });
    const tablet = await addDevice(bob, { node: 'node-1' });
    const atHome = inboxOf(bob);
    const sent = await alice.mailbox.send(bob.userId, ({ deviceId }) => utf8(`hello ${deviceId}`));
    assert.equal([[...sent.queued].sort(), sent.failed], [[bob.deviceId, tablet.deviceId].sort(), []]);
    await until(() => atHome.length === 1, { what: 'the item of the device that is there' });
    assert.equal(atHome, [`hello ${bob.deviceId}`]);
    const late = inboxOf(await tablet.connect());
    await until(() => late.length === 1, { what: 'the item of the device that was away' });
    assert.equal(late, [`hello ${tablet.deviceId}`]);
  });

  test('bring again what the application did not deal with, and nothing that it did', async () => {
    const [alice, store] = [await withKeys(), memoryDeviceStore()];
    const bob = await withKeys({ store });
    const seen: string[] = [];
    const unhandled: string[] = [];
    bob.mailbox.on('unhandled', ({ id }) => unhandled.push(id));
    bob.mailbox.receive(({ ciphertext }) => {
      seen.push(new TextDecoder().decode(ciphertext));
      if (seen.length === 2) throw new Error('The disk is full');
    });
    for (const text of ['one', 'two', 'three']) await alice.mailbox.send(bob.userId, () => utf8(text));
    await until(() => seen.length === 3, { what: 'three items' });
    assert.equal([seen, unhandled.length], [['one', 'two', 'three'], 1]);
    await alice.mailbox.send(bob.userId, () => utf8('four'));
    await until(() => seen.length === 4, { what: 'a fourth' });
    bob.close();
    const again = inboxOf(await connect({ store }));
    await until(() => again.length > 0, { what: 'what was left' });
    assert.equal(again, ['two']);
  });

  test('say when a mailbox is full', async () => {
    const [alice, bob] = [await withKeys(), await withKeys()];
    const failures: (string | undefined)[] = [];
    for (let i = 0; i < 130; i += 1) {
      const { failed } = await alice.mailbox.send(bob.userId, () => utf8('x'));
      failures.push(failed[0]?.failure.code);
    }
    assert.equal(failures.slice(-2), ['mailbox_full', 'mailbox_full']);
    assert.ok(failures.slice(0, 128).every((code) => code === undefined));
  });

  test('hand out key packages once, then the last resort, and take more when few are left', async () => {
    const [alice, bob] = [await withKeys(), await withKeys()];
    const lastResort = utf8('last resort');
    const made = Array.from({ length: 3 }, () => utf8(randomId(3_000)));
    await bob.keys.upload(made, { lastResort });
    const got = [];
    for (let i = 0; i < 4; i += 1) {
      const { peers } = await alice.keys.lookUp([bob.userId], { packages: true });
      got.push(peers[0]?.devices[0]);
    }
    assert.equal(
      got
        .slice(0, 3)
        .map((device) => device?.keyPackage)
        .sort(),
      [...made].sort(),
    );
    assert.equal([got[3]?.keyPackage, got[3]?.isLastResort], [lastResort, true]);
    const large = (n: number) =>
      Promise.resolve(Array.from({ length: n }, () => new Uint8Array(LIMITS.keyPackageBytes)));
    const { stock } = await bob.keys.replenish(large);
    assert.is(stock, LIMITS.keyPackagesPerDevice);
    assert.is((await bob.keys.replenish(() => Promise.reject(new Error('Not asked for')))).isLow, false);
  });

  test('agree on a safety number, which devices do not change and another account does', async () => {
    const [alice, bob, carol] = [await withKeys(), await withKeys(), await withKeys()];
    const before = await alice.keys.safetyNumber(bob.userId);
    assert.is(await bob.keys.safetyNumber(alice.userId), before);
    await addDevice(bob);
    assert.is(await alice.keys.safetyNumber(bob.userId), before);
    assert.is.not(await alice.keys.safetyNumber(carol.userId), before);
    await rejectsWith(alice.keys.safetyNumber(randomId()), 'not_found');
  });

  test('stop writing to a device that was removed, and leave its session no way in', async () => {
    const [alice, bob] = [await withKeys(), await withKeys()];
    const tablet = await addDevice(bob);
    await tablet.connect();
    await bob.keys.removeDevice(tablet.deviceId);
    await bob.keys.removeDevice(tablet.deviceId);
    const { queued } = await alice.mailbox.send(bob.userId, () => utf8('x'));
    assert.equal(queued, [bob.deviceId]);
    await rejectsWith(tablet.connect(), 'credentials_refused');
  });

  test('go on after the node died, with nothing twice', async () => {
    const [alice, bob] = [await withKeys({ node: 'node-2' }), await withKeys({ node: 'node-2' })];
    const texts = inboxOf(bob);
    await alice.mailbox.send(bob.userId, () => utf8('before'));
    await until(() => texts.length === 1, { what: 'the first item' });
    await stack.nodes[1]?.kill();
    const sending = ['one', 'two', 'three'].map((text) => alice.mailbox.send(bob.userId, () => utf8(text)));
    for (const { queued } of await Promise.all(sending)) assert.equal(queued, [bob.deviceId]);
    await until(() => texts.length === 4, { what: 'what was sent meanwhile', timeoutMs: 20_000 });
    assert.equal([...texts].sort(), ['before', 'one', 'three', 'two']);
  });
}, 60_000);
