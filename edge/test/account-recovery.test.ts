import * as assert from 'uvu/assert';
import { type EntryClaims, readEntry, signEntry } from '../../shared/key-log.ts';
import { describe } from '../../shared/testing/suite.ts';
import { addDevice } from './added-device.ts';
import type { Answer, SignedIn } from './client.ts';
import { createDevice, type Device } from './device.ts';
import { createHarness, type Harness } from './harness.ts';
import { append, keysOf, lookUp } from './key-owner.ts';

interface Owner extends SignedIn {
  /** The recovery key, which is a key pair like a device's. */
  readonly paper: Device;
  readonly entry: string;
}

describe('account recovery', ({ test, beforeEach }) => {
  let edge: Harness;
  let alice: Owner;
  beforeEach(async () => {
    edge = await createHarness();
    alice = await joinWithRecovery();
  });

  const joinWithRecovery = async (): Promise<Owner> => {
    const owner = await edge.client.join();
    const paper = await createDevice('Ed25519');
    const claims = { sub: owner.userId, sequence: 1, devices: [keysOf(owner.device, 'AAAA')] };
    const entry = await signEntry({ ...claims, recoveryKey: paper.publicKey }, signer(owner.device));
    assert.is((await append(edge.client, owner, { entry })).status, 201);
    return { ...owner, paper, entry };
  };
  const askPermit = async ({ paper, userId }: Owner, change: object = {}): Promise<Answer> => {
    const assertion = await edge.client.assertion(paper, { purpose: 'recover', sub: userId, ...change });
    return edge.client.call('/v1/recovery/permit', { body: { assertion } });
  };
  /** The entry that begins anew with one device, signed by the recovery key. */
  const anew = async (owner: Owner, device: Device, change: Partial<EntryClaims> = {}) => {
    const { hash, sequence } = await readEntry(owner.entry);
    const claims = { sub: owner.userId, sequence: sequence + 1, previous: hash };
    const devices = [keysOf(device, 'BBBB')];
    return signEntry({ ...claims, devices, ...change }, signer(owner.paper));
  };
  interface Asked {
    readonly device: Device;
    readonly permit?: string;
    readonly entry?: string;
    readonly sub?: string;
  }
  const recover = async (owner: Owner, { device, ...asked }: Asked): Promise<Answer> => {
    const permit = asked.permit ?? (await askPermit(owner)).json.permit;
    const entry = asked.entry ?? (await anew(owner, device));
    const sub = asked.sub ?? owner.userId;
    const assertion = await edge.client.assertion(device, { purpose: 'add-device', sub });
    const { publicKey } = device;
    return edge.client.call('/v1/recovery', { body: { permit, entry, publicKey, assertion } });
  };

  test('makes a new key the only device, and ends every other with its sessions', async () => {
    const laptop = await edge.client.signIn(await addDevice(edge.client, alice));
    const device = await createDevice();
    const { json: begun } = await askPermit(alice);
    assert.is(begun.entry, alice.entry);
    const { status, json } = await recover(alice, { device, permit: begun.permit });
    assert.equal([status, json], [201, { userId: alice.userId, deviceId: device.deviceId }]);
    for (const { token } of [alice, laptop])
      assert.is((await edge.client.call('/v1/devices', { token })).json.code, 'session_ended');
    const back = await edge.client.signIn({ device, userId: alice.userId });
    const { json: listed } = await edge.client.call('/v1/devices', { token: back.token });
    assert.equal(listed.devices, [{ deviceId: device.deviceId, isCurrent: true }]);
    const bob = await edge.client.join();
    const { json: found } = await lookUp(edge.client, bob, [alice.userId], false);
    assert.equal(
      found.users[0].devices.map(({ deviceId }: { deviceId: string }) => deviceId),
      [device.deviceId],
    );
  });

  test('takes one trip and then two', async () => {
    edge.trips.reset();
    const { json } = await askPermit(alice);
    assert.equal([...edge.trips.calls].sort(), ['origin.read', 'state.redeem']);
    assert.is(edge.trips.turns, 1);
    edge.trips.reset();
    await recover(alice, { device: await createDevice(), permit: json.permit });
    assert.equal(edge.trips.calls, ['origin.recover', 'state.put', 'state.forget']);
    assert.is(edge.trips.turns, 2);
  });

  test('is idempotent while its entry is the newest', async () => {
    const device = await createDevice();
    const { json } = await askPermit(alice);
    const entry = await anew(alice, device);
    for (const _ of [1, 2])
      assert.is((await recover(alice, { device, permit: json.permit, entry })).status, 201);
    assert.is(edge.origin.devices.size, 1);
    const second = await recover(alice, { device: await createDevice(), permit: json.permit });
    assert.is(second.json.code, 'conflict');
  });

  test('puts the marks that a lost answer of the state Redis left out, at a repeat', async () => {
    const device = await createDevice();
    const { json } = await askPermit(alice);
    const entry = await anew(alice, device);
    edge.state.setDown(true);
    const lost = await recover(alice, { device, permit: json.permit, entry });
    assert.is(lost.json.code, 'unavailable');
    edge.state.setDown(false);
    assert.is((await recover(alice, { device, permit: json.permit, entry })).status, 201);
    assert.is((await edge.client.call('/v1/devices', { token: alice.token })).json.code, 'session_ended');
  });

  test('refuses unknown user, wrong key and a key that is no longer named alike, by the same calls', async () => {
    const { hash } = await readEntry(alice.entry);
    const claims = {
      sub: alice.userId,
      sequence: 2,
      previous: hash,
      devices: [keysOf(alice.device, 'AAAA')],
    };
    const dropping = await signEntry(claims, signer(alice.device));
    const stranger = await createDevice('Ed25519');
    const refusals: unknown[] = [];
    const refuse = async (owner: Owner, change: object = {}) => {
      edge.trips.reset();
      const { status, json } = await askPermit(owner, change);
      const { requestId: _, ...problem } = json;
      refusals.push({ status, problem, calls: [...edge.trips.calls].sort(), turns: edge.trips.turns });
    };
    await refuse(alice, { sub: 'AAAAAAAAAAAAAAAAAAAAAA' });
    await refuse({ ...alice, paper: stranger });
    await refuse({ ...alice, paper: stranger }, { kid: alice.paper.deviceId });
    await refuse({ ...alice, paper: alice.device });
    await refuse(alice, { purpose: 'sign-in' });
    await append(edge.client, alice, { entry: dropping, previous: alice.entry });
    await refuse(alice);
    for (const refusal of refusals) assert.equal(refusal, refusals[0]);
    assert.is((refusals[0] as { problem: { code: string } }).problem.code, 'credentials_refused');
  });

  test('refuses a used assertion', async () => {
    const jti = 'used-before';
    assert.is((await askPermit(alice, { jti })).status, 201);
    assert.is((await askPermit(alice, { jti })).json.code, 'assertion_replayed');
  });

  test('refuses permits that are altered, of another account, or made up', async () => {
    const bob = await joinWithRecovery();
    const { permit } = (await askPermit(alice)).json;
    const { permit: foreign } = (await askPermit(bob)).json;
    const device = await createDevice();
    for (const wrong of [foreign, permit.replace(/^1\./, '2.'), `${permit}AA`, '1.1.AAAA'])
      assert.is((await recover(alice, { device, permit: wrong })).json.code, 'credentials_refused');
    assert.is(edge.origin.devices.size, 2);
  });

  test('refuses an entry that a device signed, that keeps a device, or that names another', async () => {
    const device = await createDevice();
    const { hash } = await readEntry(alice.entry);
    const claims = { sub: alice.userId, sequence: 2, previous: hash, devices: [keysOf(device, 'BBBB')] };
    const other = await createDevice();
    const cases: [string, string][] = [
      [await signEntry(claims, signer(alice.device)), 'credentials_refused'],
      [
        await anew(alice, device, { devices: [keysOf(alice.device, 'AAAA'), keysOf(device, 'BBBB')] }),
        'key_log_refused',
      ],
      [await anew(alice, other), 'key_log_refused'],
      [
        await anew(alice, device, { devices: [keysOf(device, 'BBBB'), keysOf(other, 'BBBB')] }),
        'key_log_refused',
      ],
      [await anew(alice, device, { sequence: 3 }), 'key_log_refused'],
    ];
    for (const [entry, code] of cases) assert.is((await recover(alice, { device, entry })).json.code, code);
    assert.is(edge.origin.devices.size, 1);
  });

  test('refuses a device that does not prove its key, or was one of the account before', async () => {
    const device = await createDevice();
    const bob = await edge.client.join();
    assert.is((await recover(alice, { device, sub: bob.userId })).json.code, 'credentials_refused');
    const laptop = await addDevice(edge.client, alice);
    assert.is((await recover(alice, { device: laptop.device })).json.code, 'conflict');
  });

  test('refuses an older entry of the origin while the newer one is held', async () => {
    const before = structuredClone(edge.origin.keys.logs);
    const { hash } = await readEntry(alice.entry);
    const claims = {
      sub: alice.userId,
      sequence: 2,
      previous: hash,
      devices: [keysOf(alice.device, 'AAAA')],
    };
    const dropping = await signEntry(claims, signer(alice.device));
    await append(edge.client, alice, { entry: dropping, previous: alice.entry });
    for (const [account, log] of before) edge.origin.keys.logs.set(account, log);
    assert.is((await askPermit(alice)).json.code, 'credentials_refused');
  });

  test('refuses the recovery key of an account that was deleted', async () => {
    await edge.client.call('/v1/account', { method: 'DELETE', token: alice.token });
    assert.is((await askPermit(alice)).json.code, 'credentials_refused');
  });
});

function signer({ privateKey: key, deviceId }: Device) {
  return { key, deviceId };
}
