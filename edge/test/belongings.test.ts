import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import { describe } from '../../shared/testing/suite.ts';
import { DAY_MS } from '../days.ts';
import { addDevice } from './added-device.ts';
import type { Answer, SignedIn } from './client.ts';
import { createDevice } from './device.ts';
import { createHarness, type Harness } from './harness.ts';

const METHODS = {
  'POST /v1/connect': { body: { channels: [] } },
  'POST /v1/channels': { body: { channelId: 'A'.repeat(22) } },
  'GET /v1/sessions': {},
  'GET /v1/devices': {},
};

describe('Own sessions and devices', ({ test, beforeEach }) => {
  let edge: Harness;
  let alice: SignedIn;
  beforeEach(async () => {
    edge = await createHarness();
    alice = await edge.client.join();
  });
  const call = (method: string, path: string, { token }: { token: string } = alice): Promise<Answer> =>
    edge.client.call(path, { method, token });
  /** That nothing lets a session in any more, whatever is in the state Redis. */
  const isOut = async (who: SignedIn) => {
    for (const [route, options] of Object.entries(METHODS)) {
      const [method = '', path = ''] = route.split(' ');
      const { json } = await edge.client.call(path, { method, token: who.token, ...options });
      assert.is(json.code, 'session_ended', route);
    }
  };
  const isIn = async ({ token }: SignedIn) =>
    assert.is((await edge.client.call('/v1/connect', { token, body: { channels: [] } })).status, 200);
  const idsOf = async () =>
    (await call('GET', '/v1/sessions')).json.sessions.map(
      ({ sessionId }: { sessionId: string }) => sessionId,
    );

  test('are listed with their days, and nobody else’s are', async () => {
    await edge.client.join();
    edge.clock.advance(DAY_MS);
    const second = await edge.client.signIn(alice);
    await edge.client.renew(alice);
    const { json } = await call('GET', '/v1/sessions', second);
    const deviceId = alice.device.deviceId;
    const renewedOn = '2026-11-24';
    assert.equal(
      json.sessions.toSorted((a: { isCurrent: boolean }) => (a.isCurrent ? 1 : -1)),
      [
        { sessionId: alice.sessionId, deviceId, createdOn: '2026-11-23', renewedOn, isCurrent: false },
        { sessionId: second.sessionId, deviceId, createdOn: renewedOn, renewedOn, isCurrent: true },
      ],
    );
    const devices = (await call('GET', '/v1/devices', second)).json;
    assert.equal(devices, { devices: [{ deviceId, isCurrent: true }] });
  });

  test('are listed in two trips', async () => {
    for (const path of ['/v1/sessions', '/v1/devices']) {
      edge.trips.reset();
      await call('GET', path);
      assert.ok(edge.trips.turns <= 2, edge.trips.calls.join());
    }
  });

  test('are not listed when they were idle for too long', async () => {
    edge.clock.advance(20 * DAY_MS);
    const second = await edge.client.signIn(alice);
    edge.clock.advance(12 * DAY_MS);
    const { json } = await edge.client.renew(second);
    const answer = await call('GET', '/v1/sessions', { token: json.accessToken });
    assert.equal(
      answer.json.sessions.map(({ sessionId }: { sessionId: string }) => sessionId),
      [second.sessionId],
    );
  });

  test('do not appear when an origin gives away somebody else’s', async () => {
    await edge.client.join();
    const account = [...edge.origin.sessions.values()][0]?.account ?? '';
    for (const [tag, row] of edge.origin.sessions) edge.origin.sessions.set(tag, { ...row, account });
    assert.equal(await idsOf(), [alice.sessionId]);
  });

  test('signing out ends the session at once, in two trips', async () => {
    edge.trips.reset();
    const { status, json } = await call('DELETE', '/v1/sessions/current');
    assert.equal([status, json], [200, {}]);
    assert.equal(edge.trips.calls, ['origin.revoke', 'state.put']);
    assert.is(edge.trips.turns, 2);
    await isOut(alice);
    assert.is((await edge.client.renew(alice)).json.code, 'session_ended');
    await isIn(await edge.client.signIn(alice));
  });

  test('another session is ended, and a repeat says the same', async () => {
    const second = await edge.client.signIn(alice);
    for (const _ of [1, 2]) assert.is((await call('DELETE', `/v1/sessions/${second.sessionId}`)).status, 200);
    await isOut(second);
    await isIn(alice);
    assert.equal(await idsOf(), [alice.sessionId]);
  });

  test('somebody else’s session and device are not found, and go on', async () => {
    const bob = await edge.client.join();
    for (const path of [
      `sessions/${bob.sessionId}`,
      `sessions/${randomId()}`,
      `devices/${bob.device.deviceId}`,
    ])
      assert.is((await call('DELETE', `/v1/${path}`)).json.code, 'not_found', path);
    await isIn(bob);
  });

  test('all sessions are ended but the calling one, or with it', async () => {
    const others = [await edge.client.signIn(alice), await edge.client.signIn(alice)];
    edge.trips.reset();
    assert.is((await call('DELETE', '/v1/sessions?keep=current')).status, 200);
    assert.is(edge.trips.turns, 2);
    for (const other of others) await isOut(other);
    await isIn(alice);
    assert.is((await call('DELETE', '/v1/sessions?keep=all')).json.code, 'bad_request');
    assert.is((await call('DELETE', '/v1/sessions?other=1')).json.code, 'bad_request');
    assert.is((await call('DELETE', '/v1/sessions')).status, 200);
    await isOut(alice);
  });

  test('an ended session ends nothing any more', async () => {
    const second = await edge.client.signIn(alice);
    await call('DELETE', `/v1/sessions/${second.sessionId}`);
    for (const path of [
      'sessions',
      `sessions/${alice.sessionId}`,
      `devices/${alice.device.deviceId}`,
      'account',
    ])
      assert.is((await call('DELETE', `/v1/${path}`, second)).json.code, 'session_ended', path);
    await isIn(alice);
  });

  test('a removed device is out with its sessions, and does not sign in again', async () => {
    const laptop = await addDevice(edge.client, alice);
    const session = await edge.client.signIn(laptop);
    edge.trips.reset();
    assert.is((await call('DELETE', `/v1/devices/${laptop.device.deviceId}`)).status, 200);
    assert.is(edge.trips.turns, 2);
    await isOut(session);
    assert.is((await edge.client.renew(session)).json.code, 'credentials_refused');
    const assertion = await edge.client.assertion(laptop.device, { sub: laptop.userId });
    assert.is(
      (await edge.client.call('/v1/sessions', { body: { assertion } })).json.code,
      'credentials_refused',
    );
    await isIn(alice);
  });

  test('the last device stays', async () => {
    const { status, json } = await call('DELETE', `/v1/devices/${alice.device.deviceId}`);
    assert.equal([status, json.code], [409, 'conflict']);
    await isIn(alice);
  });

  test('a deleted account is out with every device, and its key makes no new one', async () => {
    const laptop = await edge.client.signIn(await addDevice(edge.client, alice));
    edge.trips.reset();
    assert.is((await call('DELETE', '/v1/account')).status, 200);
    assert.is(edge.trips.turns, 2);
    for (const session of [alice, laptop]) await isOut(session);
    const assertion = await edge.client.assertion(alice.device, { purpose: 'sign-up' });
    const body = { publicKey: alice.device.publicKey, assertion };
    assert.is((await edge.client.call('/v1/accounts', { body })).json.code, 'conflict');
    assert.is(edge.origin.devices.size + edge.origin.sessions.size + edge.origin.accounts.size, 0);
  });

  test('stay ended when an origin brings the old records back', async () => {
    const laptop = await edge.client.signIn(await addDevice(edge.client, alice));
    const second = await edge.client.signIn(alice);
    const [devices, sessions] = [new Map(edge.origin.devices), new Map(edge.origin.sessions)];
    await call('DELETE', `/v1/devices/${laptop.device.deviceId}`);
    await call('DELETE', `/v1/sessions/${second.sessionId}`);
    for (const [tag, row] of devices) edge.origin.devices.set(tag, row);
    for (const [tag, row] of sessions) edge.origin.sessions.set(tag, row);
    await isOut(laptop);
    await isOut(second);
    assert.is((await edge.client.renew(second)).json.code, 'session_ended');
    assert.is((await edge.client.renew(laptop)).json.code, 'credentials_refused');
    assert.not((await idsOf()).includes(second.sessionId));
  });

  test('stay ended when the state Redis is emptied', async () => {
    const laptop = await edge.client.signIn(await addDevice(edge.client, alice));
    const second = await edge.client.signIn(alice);
    await call('DELETE', `/v1/devices/${laptop.device.deviceId}`);
    await call('DELETE', `/v1/sessions/${second.sessionId}`);
    edge.state.empty();
    await isOut(laptop);
    await isOut(second);
    await isIn(alice);
  });

  test('stay ended when a copy that was read before is put after', async () => {
    const second = await edge.client.signIn(alice);
    const before = [...edge.state.copies].filter(([key]) => key.startsWith('sess:'));
    await call('DELETE', `/v1/sessions/${second.sessionId}`);
    for (const [key, { value, expiresAtMs }] of before)
      for (const onEqual of ['keep', 'replace'] as const) {
        const [, tag = ''] = key.split(':');
        await edge.state.put([{ kind: 'sess', tag, ...value, expiresAtMs, onEqual }]);
      }
    await isOut(second);
  });

  test('a mark that is not ours ends nothing', async () => {
    for (const [key, entry] of edge.state.copies)
      edge.state.copies.set(key, { ...entry, value: { version: 999_999_999, sealed: entry.value.sealed } });
    await isIn(alice);
    assert.ok(edge.logged.some(({ event }) => event === 'record.forged'));
  });

  test('an ending whose marks could not be put fails, and its repeat ends everything', async () => {
    const second = await edge.client.signIn(alice);
    edge.state.setPutDown(true);
    const path = '/v1/sessions?keep=current';
    assert.is((await call('DELETE', path)).json.code, 'unavailable');
    edge.state.setPutDown(false);
    assert.is((await call('DELETE', path)).status, 200);
    await isOut(second);
  });

  test('say unavailable when the origin is away, and nothing is ended', async () => {
    edge.origin.setDown(true);
    for (const path of ['sessions/current', 'sessions', `devices/${alice.device.deviceId}`, 'account'])
      assert.is((await call('DELETE', `/v1/${path}`)).json.code, 'unavailable', path);
    edge.origin.setDown(false);
    await isIn(alice);
  });

  test('ids of another form are refused', async () => {
    for (const path of ['sessions/x', `sessions/${'A'.repeat(23)}`, 'devices/current', 'devices/x'])
      assert.is((await call('DELETE', `/v1/${path}`)).json.code, 'bad_request', path);
  });

  test('a session of a device that nobody knows is no session', async () => {
    const stranger = await createDevice();
    assert.is((await edge.client.renew({ ...alice, device: stranger })).json.code, 'credentials_refused');
  });
});
