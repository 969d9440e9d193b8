import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import { DEVICES_MAX } from '../../shared/internal/devices.ts';
import { describe } from '../../shared/testing/suite.ts';
import { addDevice, askToAdd } from './added-device.ts';
import type { SignedIn } from './client.ts';
import { createDevice } from './device.ts';
import { createHarness, type Harness } from './harness.ts';

describe('POST /v1/devices', ({ test, beforeEach }) => {
  let edge: Harness;
  let alice: SignedIn;
  beforeEach(async () => {
    edge = await createHarness();
    alice = await edge.client.join();
  });

  for (const algorithm of ['ES256', 'Ed25519'] as const)
    test(`adds a device with an ${algorithm} key, which signs in and approves others`, async () => {
      const laptop = await addDevice(edge.client, alice, algorithm);
      assert.is((await edge.client.signIn(laptop)).userId, alice.userId);
      const tablet = await addDevice(edge.client, laptop);
      assert.is((await edge.client.signIn(tablet)).userId, alice.userId);
    });

  test('takes two trips', async () => {
    edge.trips.reset();
    await addDevice(edge.client, alice);
    assert.equal(edge.trips.calls, ['state.redeem', 'origin.addDevice']);
    assert.is(edge.trips.turns, 2);
  });

  test('is idempotent, with fresh assertions', async () => {
    const device = await createDevice();
    for (const _ of [1, 2]) {
      const { status, json } = await askToAdd(edge.client, alice, { device });
      assert.equal([status, json], [201, { userId: alice.userId, deviceId: device.deviceId }]);
    }
    assert.is(edge.origin.devices.size, 2);
  });

  test('refuses a used approval', async () => {
    const jti = randomId();
    await askToAdd(edge.client, alice, { device: await createDevice(), approval: { jti } });
    const second = { device: await createDevice(), approval: { jti } };
    assert.is((await askToAdd(edge.client, alice, second)).json.code, 'assertion_replayed');
    assert.is(edge.origin.devices.size, 2);
  });

  test('refuses everything that is not approved for exactly this key and account, alike', async () => {
    const bob = await edge.client.join();
    const device = await createDevice();
    const other = await createDevice();
    const cases = {
      'an approval of another key': { approval: { device: other.deviceId } },
      'an approval of no key': { approval: { device: undefined as never } },
      'an approval for another purpose': { approval: { purpose: 'sign-in' as const } },
      'an approval in another name': { approval: { sub: bob.userId } },
      'an approval with a session': { approval: { sid: alice.sessionId } },
      'a possession for another account': { assertion: { sub: bob.userId } },
      'a possession for another purpose': { assertion: { purpose: 'sign-up' as const } },
      'a possession of nobody': { assertion: { sub: '' } },
    };
    for (const [what, options] of Object.entries(cases)) {
      const { status, json } = await askToAdd(edge.client, alice, { device, ...options });
      assert.equal([status, json.code], [401, 'credentials_refused'], what);
      assert.is(json.detail, undefined, what);
    }
    assert.is(edge.origin.devices.size, 2);
  });

  test('refuses an approval by the new device itself, and by one that was removed', async () => {
    const device = await createDevice();
    const own = { device, userId: alice.userId };
    assert.is((await askToAdd(edge.client, own, { device })).json.code, 'credentials_refused');
    const laptop = await addDevice(edge.client, alice);
    const path = `/v1/devices/${laptop.device.deviceId}`;
    await edge.client.call(path, { method: 'DELETE', token: alice.token });
    assert.is((await askToAdd(edge.client, laptop, { device })).json.code, 'credentials_refused');
  });

  test('refuses a key that does not sign, and one that is swapped', async () => {
    const [device, other] = [await createDevice(), await createDevice()];
    const swapped = { ...device, publicKey: other.publicKey };
    assert.is((await askToAdd(edge.client, alice, { device: swapped })).json.code, 'credentials_refused');
    const forged = { ...device, privateKey: other.privateKey };
    assert.is((await askToAdd(edge.client, alice, { device: forged })).json.code, 'credentials_refused');
  });

  test('takes as many devices as an account may have', async () => {
    for (let i = 1; i < DEVICES_MAX; i += 1) await addDevice(edge.client, alice);
    const { status, json } = await askToAdd(edge.client, alice, { device: await createDevice() });
    assert.equal([status, json.code], [409, 'conflict']);
  });

  test('does not take back a key that was removed', async () => {
    const laptop = await addDevice(edge.client, alice);
    const path = `/v1/devices/${laptop.device.deviceId}`;
    await edge.client.call(path, { method: 'DELETE', token: alice.token });
    assert.is((await askToAdd(edge.client, alice, laptop)).json.code, 'conflict');
  });

  test('stores nothing in clear', async () => {
    const { device } = await addDevice(edge.client, alice);
    const stored = JSON.stringify([...edge.origin.devices]);
    for (const id of [device.deviceId, alice.userId, device.publicKey.x ?? '']) assert.not.match(stored, id);
  });

  for (const part of ['state', 'origin'] as const)
    test(`answers unavailable when the ${part} is away`, async () => {
      edge[part].setDown(true);
      const { status, json } = await askToAdd(edge.client, alice, { device: await createDevice() });
      assert.equal([status, json.code], [503, 'unavailable']);
    });
});
