import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import { readEntry, signEntry } from '../../shared/key-log.ts';
import { describe } from '../../shared/testing/suite.ts';
import { addDevice } from './added-device.ts';
import type { SignedIn } from './client.ts';
import { createDevice, type Device } from './device.ts';
import { createHarness, type Harness } from './harness.ts';
import { append, firstEntry, joinWithKeys, type KeyOwner, keysOf, lookUp } from './key-owner.ts';

describe('Key logs', ({ test, beforeEach }) => {
  let edge: Harness;
  let alice: KeyOwner;
  let bob: SignedIn;
  beforeEach(async () => {
    edge = await createHarness();
    alice = await joinWithKeys(edge.client);
    bob = await edge.client.join();
  });

  /** The entry behind alice's first one, signed by her device unless the options say otherwise. */
  const second = async (devices: readonly Device[], options: { signer?: Device; change?: object } = {}) => {
    const { hash } = await readEntry(alice.entry);
    const signer = options.signer ?? alice.device;
    const claims = { sub: alice.userId, sequence: 2, previous: hash };
    return signEntry(
      { ...claims, devices: devices.map((device) => keysOf(device, alice.identityKey)), ...options.change },
      { key: signer.privateKey, deviceId: signer.deviceId },
    );
  };
  const history = (userId: string, after = 0, token = bob.token) =>
    edge.client.call('/v1/keys/history', { token, body: { userId, after } });

  test('take an entry in two trips, and a repeat of it', async () => {
    const entry = await second([alice.device]);
    for (const _ of [1, 2]) {
      edge.trips.reset();
      const { status, json } = await append(edge.client, alice, { entry, previous: alice.entry });
      assert.equal([status, json], [201, { sequence: 2 }]);
      assert.equal(edge.trips.calls, ['origin.appendEntry', 'state.put']);
    }
    assert.equal((await history(alice.userId)).json.entries, [alice.entry, entry]);
    assert.equal((await history(alice.userId, 1)).json.entries, [entry]);
  });

  test('name further devices, which continue them', async () => {
    const laptop = await edge.client.signIn(await addDevice(edge.client, alice));
    const two = await second([alice.device, laptop.device]);
    await append(edge.client, alice, { entry: two, previous: alice.entry });
    const { hash } = await readEntry(two);
    const claims = { sub: alice.userId, sequence: 3, previous: hash };
    const three = await signEntry(
      { ...claims, devices: [keysOf(laptop.device, 'BBBB')] },
      { key: laptop.device.privateKey, deviceId: laptop.device.deviceId },
    );
    assert.is((await append(edge.client, laptop, { entry: three, previous: two })).status, 201);
    const [user] = (await lookUp(edge.client, bob, [alice.userId])).json.users;
    assert.is(user.entry, three);
    assert.equal(
      user.devices.map(({ deviceId }: { deviceId: string }) => deviceId),
      [laptop.device.deviceId],
    );
  });

  test('refuse what does not follow, is signed by the wrong one or is of another account', async () => {
    const stranger = await createDevice();
    const previous = alice.entry;
    const cases = {
      'a gap in the numbers': { entry: await second([alice.device], { change: { sequence: 3 } }), previous },
      'another hash': {
        entry: await second([alice.device], { change: { previous: randomId(32) } }),
        previous,
      },
      'a signer that was not named': {
        entry: await second([alice.device, stranger], { signer: stranger }),
        previous,
      },
      'a stranger under the name of a device': {
        entry: await second([stranger], { signer: { ...stranger, deviceId: alice.device.deviceId } }),
        previous,
      },
      'another account': { entry: await second([alice.device], { change: { sub: bob.userId } }), previous },
      'a device that the account does not have': { entry: await second([alice.device, stranger]), previous },
      'a first entry of somebody else': { entry: await firstEntry(bob, 'AAAA') },
      'an entry that is none': { entry: 'a.b.c', previous },
      'a previous one that is none': { entry: await second([alice.device]), previous: 'a.b.c' },
    };
    for (const [what, body] of Object.entries(cases)) {
      const { status, json } = await append(edge.client, alice, body);
      assert.equal([status, json.code], [400, 'key_log_refused'], what);
    }
    assert.equal((await history(alice.userId)).json.entries, [alice.entry]);
  });

  test('cannot be made to follow an entry that was never in them', async () => {
    const mallory = await createDevice();
    const forged = await signEntry(
      { sub: alice.userId, sequence: 1, devices: [keysOf(mallory, 'AAAA'), keysOf(alice.device, 'AAAA')] },
      { key: mallory.privateKey, deviceId: mallory.deviceId },
    );
    const { hash } = await readEntry(forged);
    const entry = await second([alice.device], { signer: mallory, change: { previous: hash } });
    const { status, json } = await append(edge.client, alice, { entry, previous: forged });
    assert.equal([status, json.code], [409, 'conflict']);
    assert.is((await append(edge.client, alice, { entry: forged })).json.code, 'key_log_refused');
  });

  test('take one of two entries behind the same one', async () => {
    const entries = await Promise.all(
      ['AAAA', 'BBBB'].map((identityKey) =>
        second([], { change: { devices: [keysOf(alice.device, identityKey)] } }),
      ),
    );
    const answers = await Promise.all(
      entries.map((entry) => append(edge.client, alice, { entry, previous: alice.entry })),
    );
    assert.equal(answers.map(({ status }) => status).sort(), [201, 409]);
  });

  test('are told anew when the copy could not be put', async () => {
    const entry = await second([alice.device]);
    edge.state.setPutDown(true);
    assert.is((await append(edge.client, alice, { entry, previous: alice.entry })).status, 503);
    edge.state.setPutDown(false);
    assert.is((await append(edge.client, alice, { entry, previous: alice.entry })).status, 201);
    assert.is((await lookUp(edge.client, bob, [alice.userId])).json.users[0].sequence, 2);
  });

  test('are closed to sessions that have ended', async () => {
    await edge.client.call('/v1/sessions/current', { method: 'DELETE', token: alice.token });
    const entry = await second([alice.device]);
    const { json } = await append(edge.client, alice, { entry, previous: alice.entry });
    assert.is(json.code, 'session_ended');
    assert.is((await history(alice.userId, 0, alice.token)).json.code, 'session_ended');
  });

  test('of nobody look like those of somebody without keys', async () => {
    for (const userId of [bob.userId, randomId()])
      assert.equal((await history(userId)).json, { entries: [] });
  });

  test('show nothing that the edge has not sealed in this place', async () => {
    const account = [...edge.origin.keys.logs.keys()][0] ?? '';
    const [row] = edge.origin.keys.logs.get(account) ?? [];
    assert.ok(row);
    const stranger = await joinWithKeys(edge.client);
    const other = [...edge.origin.keys.logs.keys()][1] ?? '';
    edge.state.empty();
    for (const rows of [[{ ...row, version: 2 }], [{ ...row, sealed: '1.AAAA' }]]) {
      edge.origin.keys.logs.set(account, rows);
      assert.equal((await history(alice.userId)).json.entries, []);
      assert.equal((await lookUp(edge.client, bob, [alice.userId])).json, { users: [] });
    }
    edge.origin.keys.logs.set(other, [row]);
    assert.equal((await lookUp(edge.client, bob, [stranger.userId])).json, { users: [] });
    assert.ok(edge.logged.some(({ event }) => event === 'record.forged'));
  });

  test('store nothing in clear', () => {
    const stored = JSON.stringify([...edge.origin.keys.logs, ...edge.state.copies]);
    for (const secret of [alice.userId, alice.device.deviceId, alice.identityKey, alice.entry])
      assert.not.match(stored, secret);
  });
});
