import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import { describe } from '../../shared/testing/suite.ts';
import type { JWK } from '../../shared/token.ts';
import { createDevice } from './device.ts';
import { createHarness, type Harness } from './harness.ts';

describe('POST /v1/accounts', ({ test, beforeEach }) => {
  let edge: Harness;
  beforeEach(async () => {
    edge = await createHarness();
  });

  for (const algorithm of ['ES256', 'Ed25519'] as const)
    test(`signs up a device with an ${algorithm} key`, async () => {
      const device = await createDevice(algorithm);
      const assertion = await edge.client.assertion(device, { purpose: 'sign-up' });
      const { status, json } = await signUp(device.publicKey, assertion);
      assert.is(status, 201);
      assert.is(json.deviceId, device.deviceId);
      assert.equal(edge.trips.calls, ['state.redeem', 'origin.createAccount']);
    });

  test('gives the same key the same account again, and changes nothing', async () => {
    const { device, userId } = await edge.client.signUp();
    const before = JSON.stringify([...edge.origin.devices]);
    const { status, json } = await signUp(
      device.publicKey,
      await edge.client.assertion(device, { purpose: 'sign-up' }),
    );
    assert.is(status, 201);
    assert.is(json.userId, userId);
    assert.is(JSON.stringify([...edge.origin.devices]), before);
  });

  test('stores nothing but tags, sealed records and the day', async () => {
    const { device, userId } = await edge.client.signUp();
    const stored = JSON.stringify([...edge.origin.accounts, ...edge.origin.devices, ...edge.state.copies]);
    for (const id of [userId, device.deviceId, String(device.publicKey.x)]) assert.not.match(stored, id);
    assert.match(stored, '"createdOn":"2026-11-23"');
  });

  test('takes the hints that exported keys carry, and does not mind them', async () => {
    const device = await createDevice();
    const publicKey = { ...device.publicKey, ext: true, key_ops: ['verify'], use: 'sig', alg: 'ES256' };
    const { status } = await signUp(publicKey, await edge.client.assertion(device, { purpose: 'sign-up' }));
    assert.is(status, 201);
  });

  test('refuses a second use of the assertion', async () => {
    const device = await createDevice();
    const assertion = await edge.client.assertion(device, { purpose: 'sign-up' });
    await signUp(device.publicKey, assertion);
    const { status, json } = await signUp(device.publicKey, assertion);
    assert.is(status, 401);
    assert.is(json.code, 'assertion_replayed');
  });

  test('accepts one of many simultaneous uses', async () => {
    const device = await createDevice();
    const assertion = await edge.client.assertion(device, { purpose: 'sign-up' });
    const answers = await Promise.all(Array.from({ length: 20 }, () => signUp(device.publicKey, assertion)));
    assert.is(answers.filter(({ status }) => status === 201).length, 1);
    assert.is(answers.filter(({ json }) => json.code === 'assertion_replayed').length, 19);
  });

  test('refuses the assertion of another key, purpose, audience, user or time', async () => {
    const [device, other] = await Promise.all([createDevice(), createDevice()]);
    const make = edge.client.assertion.bind(edge.client);
    const assertions = await Promise.all([
      make(other, { purpose: 'sign-up' }),
      make(other, { purpose: 'sign-up', kid: device.deviceId }),
      make(device, { purpose: 'sign-up', kid: other.deviceId }),
      make(device, { purpose: 'sign-in' }),
      make(device, { purpose: 'sign-up', audience: 'https://other.example' }),
      make(device, { purpose: 'sign-up', sub: randomId() }),
      make(device, { purpose: 'sign-up', nowMs: edge.clock.now() - 62_000 }),
      make(device, { purpose: 'sign-up', nowMs: edge.clock.now() + 62_000 }),
    ]);
    for (const assertion of assertions) {
      const { status, json } = await signUp(device.publicKey, assertion);
      assert.is(status, 401);
      assert.is(json.code, 'credentials_refused');
    }
    assert.equal(edge.trips.calls, []);
  });

  test('refuses keys that are private, weak, of another kind or not a point', async () => {
    const device = await createDevice();
    const assertion = await edge.client.assertion(device, { purpose: 'sign-up' });
    const { publicKey } = device;
    const bad: unknown[] = [
      { ...publicKey, d: randomId(32) },
      { ...publicKey, crv: 'P-384' },
      { ...publicKey, y: undefined },
      { ...publicKey, extra: 1 },
      { ...publicKey, x: `${String(publicKey.x).slice(0, 42)}B` },
      { kty: 'oct', k: 'c2VjcmV0' },
      { kty: 'RSA', n: 'AQAB', e: 'AQAB' },
      null,
      [],
    ];
    for (const key of bad) {
      const { status, json } = await signUp(key, assertion);
      assert.is(status, 400, JSON.stringify(key));
      assert.is(json.code, 'bad_request');
    }
    const offCurve = { ...publicKey, y: publicKey.x };
    assert.is((await signUp(offCurve, assertion)).json.code, 'credentials_refused');
  });

  for (const part of ['state', 'origin'] as const)
    test(`answers unavailable when the ${part} is away`, async () => {
      edge[part].setDown(true);
      const device = await createDevice();
      const { status, json } = await signUp(
        device.publicKey,
        await edge.client.assertion(device, { purpose: 'sign-up' }),
      );
      assert.is(status, 503);
      assert.is(json.code, 'unavailable');
    });

  function signUp(publicKey: JWK | unknown, assertion: string) {
    return edge.client.call('/v1/accounts', { body: { publicKey, assertion } });
  }
});
