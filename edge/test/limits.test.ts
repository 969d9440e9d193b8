import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import { describe } from '../../shared/testing/suite.ts';
import { LIMIT_RULES } from '../limits.ts';
import { createDevice } from './device.ts';
import { createHarness, type Harness } from './harness.ts';

const newChannel = (edge: Harness, token: string) =>
  edge.client.call('/v1/channels', { token, body: { channelId: randomId() } });
const FROM = (address: string) => ({ 'x-test-address': address });

describe('Too many calls', ({ test }) => {
  const signUp = async (edge: Harness, address: string) => {
    const device = await createDevice();
    const assertion = await edge.client.assertion(device, { purpose: 'sign-up' });
    const body = { publicKey: device.publicKey, assertion };
    return edge.client.call('/v1/accounts', { body, headers: FROM(address) });
  };

  test('to sign up are refused by address, with the time to wait, and write nothing', async () => {
    const edge = await createHarness();
    for (let i = 0; i < LIMIT_RULES.signUp.calls; i += 1)
      assert.is((await signUp(edge, '198.51.100.4')).status, 201);
    const before = edge.trips.calls.filter((call) => call === 'origin.createAccount').length;
    const refused = await signUp(edge, '198.51.100.4');
    assert.equal([refused.status, refused.json.code], [429, 'too_many_requests']);
    assert.ok(Number(refused.headers.get('retry-after')) > 0);
    assert.is(edge.trips.calls.filter((call) => call === 'origin.createAccount').length, before);
    assert.is((await signUp(edge, '198.51.100.5')).status, 201);
    edge.clock.advance(LIMIT_RULES.signUp.windowSeconds * 1_000);
    assert.is((await signUp(edge, '198.51.100.4')).status, 201);
  });

  test('from one address are borne under the profile for load tests', async () => {
    const edge = await createHarness({ HUSHWIRE_EDGE_LIMIT_PROFILE: 'loadtest' });
    for (let i = 0; i <= LIMIT_RULES.signUp.calls; i += 1)
      assert.is((await signUp(edge, '198.51.100.4')).status, 201);
    const { json } = await edge.client.call('/healthz');
    assert.is(json.limitProfile, 'loadtest');
  });

  test('with bad credentials are refused alike, whether the user exists or not', async () => {
    const edge = await createHarness();
    const known = await edge.client.signUp();
    const attempt = async (sub: string) => {
      const assertion = await edge.client.assertion(await createDevice(), { sub });
      return (await edge.client.call('/v1/sessions', { body: { assertion }, headers: FROM('198.51.100.4') }))
        .json.code;
    };
    for (let i = 0; i < LIMIT_RULES.proof.calls; i += 1)
      await attempt(i % 2 === 0 ? known.userId : 'A'.repeat(22));
    assert.equal(await Promise.all([attempt(known.userId), attempt('A'.repeat(22))]), [
      'too_many_requests',
      'too_many_requests',
    ]);
    // Nobody but that address is kept from anything, and least of all the user.
    assert.ok((await edge.client.signIn(known)).token);
  });

  test('of one account are refused before they write, and of no other', async () => {
    const edge = await createHarness();
    const [one, other] = [await edge.client.join(), await edge.client.join()];
    const create = (token: string) => newChannel(edge, token);
    for (let i = 0; i < LIMIT_RULES.write.calls; i += 1) assert.is((await create(one.token)).status, 201);
    edge.trips.reset();
    assert.is((await create(one.token)).status, 429);
    assert.not(edge.trips.calls.includes('origin.createChannel'));
    assert.is((await create(other.token)).status, 201);
    assert.is(
      (await edge.client.call('/v1/sessions/current', { method: 'DELETE', token: one.token })).status,
      200,
    );
  });

  test('that invite or look up are refused at budgets of their own, and nothing is made or told', async () => {
    const edge = await createHarness();
    let one = await edge.client.join();
    const channelId = await edge.client.createChannel(one);
    const acts: Readonly<Record<'invite' | 'lookup', () => [string, object]>> = {
      invite: () => [`/v1/channels/${channelId}/invitations`, { id: randomId(), uses: 1, lifeMs: 60_000 }],
      lookup: () => ['/v1/keys/lookup', { users: [one.userId], packages: false }],
    };
    for (const [name, act] of Object.entries(acts)) {
      const ask = async () => {
        const [path, body] = act();
        return (await edge.client.call(path, { token: one.token, body })).status;
      };
      const { calls, windowSeconds } = LIMIT_RULES[name as 'invite' | 'lookup'];
      for (let i = 0; i < calls; i += 1) assert.not.equal(await ask(), 429, `${name} ${i}`);
      edge.trips.reset();
      assert.is(await ask(), 429, name);
      assert.not(edge.trips.calls.includes('origin.changeInvitation'));
      edge.clock.advance(windowSeconds * 1_000);
      one = await edge.client.signIn(one);
      assert.not.equal(await ask(), 429, `${name} later`);
    }
  });

  test('cannot be made with somebody else’s token, or with none', async () => {
    const edge = await createHarness();
    const one = await edge.client.join();
    for (let i = 0; i <= LIMIT_RULES.write.calls; i += 1)
      await edge.client.call('/v1/channels', { token: `${one.token}x`, body: { channelId: 'A'.repeat(22) } });
    assert.is((await newChannel(edge, one.token)).status, 201);
  });
});

describe('Calls whose budget cannot be asked', ({ test }) => {
  test('pass where they fail by themselves or do no harm, and are refused where they would leave something', async () => {
    const edge = await createHarness();
    const one = await edge.client.join();
    edge.limiter.setDown(true);
    assert.is(
      (await edge.client.call('/v1/connect', { token: one.token, body: { channels: [] } })).status,
      200,
    );
    const refused = await newChannel(edge, one.token);
    assert.equal([refused.status, refused.json.code], [503, 'unavailable']);
  });
});

describe('A budget', ({ test }) => {
  test('is asked beside the first trip, and awaited before anything is written', async () => {
    const edge = await createHarness();
    const one = await edge.client.join();
    let allow: () => void = () => undefined;
    const verdict = new Promise<'allowed'>((resolve) => {
      allow = () => resolve('allowed');
    });
    edge.limiter.draw = () => verdict;
    edge.trips.reset();
    const answer = newChannel(edge, one.token);
    while (edge.trips.turns === 0) await new Promise((resolve) => setImmediate(resolve));
    const firstTrip = [...edge.trips.calls];
    for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(edge.trips.calls, firstTrip);
    assert.ok(firstTrip.length > 0 && !firstTrip.includes('origin.createChannel'));
    allow();
    assert.is((await answer).status, 201);
  });
});
