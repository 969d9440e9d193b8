import * as assert from 'uvu/assert';
import { utf8 } from '../../shared/bytes.ts';
import { openNodeSocket } from '../../shared/client/adapters/node-socket.ts';
import { memoryDeviceStore } from '../../shared/client/device.ts';
import { type Client, connectAccount } from '../../shared/client/hushwire.ts';
import { askToJoin } from '../../shared/client/join.ts';
import type { ClientOptions } from '../../shared/client/options.ts';
import { recoverAccount } from '../../shared/client/recover.ts';
import { rejectsWith, until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { type Stack, startStack } from '../local/stack.ts';

describe('the account of the SDK, connected', ({ test, before, after, afterEach }) => {
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
  /** A second device of the account, approved by the first, on the other node. */
  const addDevice = async (owner: Client) => {
    const store = memoryDeviceStore();
    const identityKey = utf8('identity of the second');
    const request = await askToJoin({ edge: stack.edgeUrl, userId: owner.userId, identityKey, store });
    await owner.keys.addDevice(request);
    return connect({ store, node: 'node-2' });
  };
  const endsWithin2s = async (client: Client) => {
    const beganMs = Date.now();
    await until(() => client.state.state === 'closed', { what: 'the end of a socket', timeoutMs: 2_000 });
    assert.ok(Date.now() - beganMs < 2_000);
    const { state } = client;
    assert.is(state.state === 'closed' ? state.failure?.code : undefined, 'session_ended');
  };

  test('approves a device, lists both, and removing one ends its socket within 2 s', async () => {
    const owner = await connect({ node: 'node-1' });
    await owner.keys.publish(utf8('identity of the first'));
    const second = await addDevice(owner);
    const listed = await owner.account.devices();
    assert.equal(
      listed.map(({ deviceId, isCurrent }) => [deviceId, isCurrent]).sort(),
      [
        [owner.deviceId, true],
        [second.deviceId, false],
      ].sort(),
    );
    await owner.keys.removeDevice(second.deviceId);
    await endsWithin2s(second);
    assert.is((await owner.account.devices()).length, 1);
  });

  test('recovers an account by its offline key alone, and the lost devices end within 2 s', async () => {
    const keys: string[] = [];
    const showRecoveryKey = async (text: string) => void keys.push(text);
    const lost = await connect({ node: 'node-1' });
    await lost.keys.publish(utf8('identity of the first'), { showRecoveryKey });
    const second = await addDevice(lost);
    const friend = await connect({ node: 'node-2' });
    assert.is((await friend.keys.lookUp([lost.userId])).peers.length, 1);
    const store = memoryDeviceStore();
    const { userId } = lost;
    const request = {
      edge: stack.edgeUrl,
      userId,
      identityKey: utf8('identity anew'),
      store,
      showRecoveryKey,
    };
    const stranger = `${keys[0]?.slice(0, -1)}${keys[0]?.endsWith('A') ? 'B' : 'A'}`;
    await rejectsWith(recoverAccount({ ...request, recoveryKey: stranger }), 'credentials_refused');
    await recoverAccount({ ...request, recoveryKey: keys[0] ?? '' });
    await Promise.all([endsWithin2s(lost), endsWithin2s(second)]);
    const back = await connect({ store });
    assert.is(back.userId, userId);
    assert.equal(await back.account.devices(), [{ deviceId: back.deviceId, isCurrent: true }]);
    // Whoever saw the log before follows it over the recovery; the used key is of no use any more, the shown one is.
    const { peers, refused } = await friend.keys.lookUp([userId]);
    assert.equal(refused, []);
    assert.equal(
      peers[0]?.devices.map(({ deviceId }) => deviceId),
      [back.deviceId],
    );
    const again = { ...request, store: memoryDeviceStore() };
    await rejectsWith(recoverAccount({ ...again, recoveryKey: keys[0] ?? '' }), 'credentials_refused');
    await recoverAccount({ ...again, recoveryKey: keys[1] ?? '' });
    await endsWithin2s(back);
  });

  test('keeps its recovery key over other entries, until it is replaced', async () => {
    const keys: string[] = [];
    const showRecoveryKey = async (text: string) => void keys.push(text);
    const owner = await connect();
    await owner.keys.publish(utf8('identity'), { showRecoveryKey });
    await owner.keys.publish(utf8('another identity'), { showRecoveryKey });
    assert.is(keys.length, 1);
    await owner.keys.replaceRecoveryKey(showRecoveryKey);
    const request = { edge: stack.edgeUrl, userId: owner.userId, identityKey: utf8('anew') };
    const [first = '', second = ''] = keys;
    const refused = recoverAccount({ ...request, store: memoryDeviceStore(), recoveryKey: first });
    await rejectsWith(refused, 'credentials_refused');
    await recoverAccount({ ...request, store: memoryDeviceStore(), recoveryKey: second });
  });

  test('keeps the list of its channels for a new device, which gets its key', async () => {
    const owner = await connect();
    await owner.keys.publish(utf8('identity of the first'));
    assert.equal(await owner.channelList.read(), []);
    const [one, two] = [await owner.createChannel(), await owner.createChannel()];
    await Promise.all([owner.channelList.add(one), owner.channelList.add(two)]);
    const second = await addDevice(owner);
    await rejectsWith(second.channelList.read(), 'conflict');
    const wrapped = await owner.channelList.shareKey(second.card.agreementKey);
    await second.channelList.acceptKey(wrapped);
    assert.equal([...(await second.channelList.read())].sort(), [one, two].sort());
    await Promise.all([second.channelList.remove(one), owner.channelList.remove(two)]);
    assert.equal(await owner.channelList.read(), []);
  });

  test('signing out everywhere ends the sockets of other devices within 2 s, and closes the own', async () => {
    const owner = await connect({ node: 'node-1' });
    await owner.keys.publish(utf8('identity of the first'));
    const second = await addDevice(owner);
    await owner.account.signOutEverywhere();
    assert.is(owner.state.state, 'closed');
    await endsWithin2s(second);
  });
}, 30_000);
