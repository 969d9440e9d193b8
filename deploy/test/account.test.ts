import * as assert from 'uvu/assert';
import { utf8 } from '../../shared/bytes.ts';
import { openNodeSocket } from '../../shared/client/adapters/node-socket.ts';
import { memoryDeviceStore } from '../../shared/client/device.ts';
import { type Client, connectAccount } from '../../shared/client/hushwire.ts';
import type { ClientOptions } from '../../shared/client/options.ts';
import { askToJoin } from '../../shared/client/sign-in.ts';
import { until } from '../../shared/testing/expect.ts';
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

  test('signing out everywhere ends the sockets of other devices within 2 s, and closes the own', async () => {
    const owner = await connect({ node: 'node-1' });
    await owner.keys.publish(utf8('identity of the first'));
    const second = await addDevice(owner);
    await owner.account.signOutEverywhere();
    assert.is(owner.state.state, 'closed');
    await endsWithin2s(second);
  });
});
