import { Redis } from 'ioredis';
import * as assert from 'uvu/assert';
import { openNodeSocket } from '../../shared/client/adapters/node-socket.ts';
import { loadDevice, memoryDeviceStore } from '../../shared/client/device.ts';
import { type Client, connectAccount } from '../../shared/client/hushwire.ts';
import type { ClientOptions } from '../../shared/client/options.ts';
import { rejectsWith, until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { type Stack, startStack } from '../local/stack.ts';
import { StateCopies } from './state-copies.ts';

describe('bans from the service, across two nodes', ({ test, before, after }) => {
  const store = memoryDeviceStore();
  const open: Client[] = [];
  let stack: Stack;
  let operator: Client;
  before(async () => {
    // Operators are known by their device before they have an account.
    const { deviceId } = await loadDevice(store);
    const edgeEnv = { HUSHWIRE_EDGE_OPERATORS: deviceId };
    stack = await startStack({ given: { webOrigins: [], originEnv: {}, edgeEnv } });
    operator = await connect({ store, node: 'node-1' });
  });
  after(async () => {
    for (const client of open) client.close();
    await stack?.stop();
  });

  const connect = async (options: Partial<ClientOptions>) => {
    const client = await connectAccount({ edge: stack.edgeUrl, openSocket: openNodeSocket, ...options });
    open.push(client);
    return client;
  };

  test('end live connections on every node within two seconds, and sign-in, until they are lifted', async () => {
    const stores = [memoryDeviceStore(), memoryDeviceStore()];
    const people = await Promise.all(stores.map((own, i) => connect({ store: own, node: `node-${i + 1}` })));
    const userIds = people.map(({ userId }) => userId);
    const beganMs = performance.now();
    await operator.serviceBans.place({ userIds });
    await until(() => people.every(({ state }) => state.state === 'closed'), {
      what: 'their end',
      timeoutMs: 2_000,
    });
    assert.ok(performance.now() - beganMs < 2_000);
    for (const own of stores) await rejectsWith(connect({ store: own }), 'credentials_refused');
    assert.is((await operator.serviceBans.list()).bans.length, 2);
    assert.is(operator.state.state, 'online');
    // Again, as after a lost answer: nothing changes, and nothing fails.
    await operator.serviceBans.place({ userIds, until: '2099-12-31' });
    assert.equal(
      (await operator.serviceBans.list()).bans.map(({ until: day }) => day),
      ['2099-12-31', '2099-12-31'],
    );
    await operator.serviceBans.lift(userIds);
    assert.equal((await operator.serviceBans.list()).bans, []);
    for (const own of stores) await connect({ store: own });
  });

  test('hold over a state Redis that lags behind them, or was emptied', async () => {
    const state = new Redis(stack.redisUrl, { protocol: 2 });
    try {
      const own = memoryDeviceStore();
      const { userId } = await connect({ store: own });
      const copies = new StateCopies(state, ['dev', 'sess']);
      assert.ok((await copies.take()) > 0);
      await operator.serviceBans.place({ userIds: [userId] });
      await copies.putBack();
      await rejectsWith(connect({ store: own }), 'credentials_refused');
      await copies.empty();
      await rejectsWith(connect({ store: own }), 'credentials_refused');
      assert.is((await operator.serviceBans.list()).bans.length, 1);
      await operator.serviceBans.lift([userId]);
    } finally {
      state.disconnect();
    }
  });

  test('are operators’ alone', async () => {
    const somebody = await connect({});
    await rejectsWith(somebody.serviceBans.place({ userIds: [operator.userId] }), 'forbidden');
    await rejectsWith(operator.serviceBans.place({ userIds: [operator.userId] }), 'conflict');
  });
}, 60_000);
