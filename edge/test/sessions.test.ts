import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import { describe } from '../../shared/testing/suite.ts';
import { DAY_MS } from '../days.ts';
import type { Account, Answer } from './client.ts';
import { type AssertionOptions, createDevice } from './device.ts';
import { createHarness, type Harness } from './harness.ts';
import { countVerifications } from './verifications.ts';

type Claims = Omit<Partial<AssertionOptions>, 'audience'> & { audience?: string };

describe('POST /v1/sessions', ({ test, beforeEach }) => {
  let edge: Harness;
  let account: Account;
  beforeEach(async () => {
    edge = await createHarness();
    account = await edge.client.signUp();
    edge.trips.reset();
  });

  test('opens a session', async () => {
    const { status, json } = await signIn();
    assert.is(status, 201);
    assert.is(json.accessExpiresInMs, 300_000);
    assert.ok(json.sessionExpiresInMs > 30 * DAY_MS && json.sessionExpiresInMs <= 31 * DAY_MS);
  });

  test('takes three trips when cold and two when warm', async () => {
    await signIn();
    assert.equal(edge.trips.calls.toSorted(), [
      'origin.createSession',
      'origin.read',
      'state.put',
      'state.redeem',
    ]);
    assert.is(edge.trips.turns, 3);
    edge.trips.reset();
    await signIn();
    assert.equal(edge.trips.calls.toSorted(), ['origin.createSession', 'state.put', 'state.redeem']);
    assert.is(edge.trips.turns, 2);
  });

  test('works after the state Redis has lost everything', async () => {
    await signIn();
    edge.state.empty();
    assert.is((await signIn()).status, 201);
  });

  test('works when the copy in the state Redis was tampered with, and says so in the log', async () => {
    await signIn();
    for (const [key, entry] of edge.state.copies)
      edge.state.copies.set(key, { ...entry, value: { ...entry.value, version: entry.value.version + 1 } });
    assert.is((await signIn()).status, 201);
    assert.equal(
      edge.logged.map(({ event }) => event),
      ['record.forged'],
    );
  });

  test('works when the copy cannot be kept', async () => {
    edge.state.setPutDown(true);
    assert.is((await signIn()).status, 201);
    assert.is(edge.logged[0]?.event, 'copies.not_kept');
  });

  test('refuses unknown user, unknown device and wrong key alike, with the same calls and the same work', async () => {
    const stranger = await createDevice();
    const strangerEd = await createDevice('Ed25519');
    const cases: Record<string, [device: typeof stranger, claims: Claims]> = {
      'unknown user': [account.device, { sub: randomId() }],
      'unknown user and device': [stranger, { sub: randomId() }],
      'unknown device': [stranger, { sub: account.userId }],
      'unknown device of the other algorithm': [strangerEd, { sub: account.userId }],
      'wrong key': [stranger, { sub: account.userId, kid: account.device.deviceId }],
      'wrong key of the other algorithm': [strangerEd, { sub: account.userId, kid: account.device.deviceId }],
      'wrong audience': [account.device, { sub: account.userId, audience: 'https://other.example' }],
      'wrong purpose': [account.device, { sub: account.userId, purpose: 'sign-up' }],
      'too old': [account.device, { sub: account.userId, nowMs: edge.clock.now() - 62_000 }],
      'too early': [account.device, { sub: account.userId, nowMs: edge.clock.now() + 62_000 }],
    };
    for (const isWarm of [false, true]) {
      if (isWarm) await signIn();
      for (const [what, [device, claims]] of Object.entries(cases)) {
        edge.trips.reset();
        const assertion = await edge.client.assertion(device, claims);
        const { verified, answer } = await countVerifications(() => post(assertion));
        const { status, json } = answer;
        const { requestId: _requestId, ...problem } = json;
        assert.is(status, 401, what);
        assert.equal(
          problem,
          {
            type: 'urn:hushwire:failure:credentials_refused',
            title: 'The credentials were refused',
            status: 401,
            code: 'credentials_refused',
            retry: 'never',
          },
          what,
        );
        assert.equal(edge.trips.calls, ['state.redeem', 'origin.read'], `${what}, warm: ${isWarm}`);
        const algorithm = device === strangerEd ? 'Ed25519' : 'ECDSA';
        assert.equal(verified, [algorithm, algorithm], `${what}, warm: ${isWarm}`);
      }
    }
  });

  test('does not let a refusal warm anything up', async () => {
    const stranger = await createDevice();
    await post(await edge.client.assertion(stranger, { sub: account.userId, kid: account.device.deviceId }));
    assert.is(edge.state.copies.size, 0);
  });

  test('refuses a second use of an assertion, until it has expired anyway', async () => {
    const assertion = await edge.client.assertion(account.device, {
      sub: account.userId,
      nowMs: edge.clock.now() + 59_000,
    });
    assert.is((await post(assertion)).status, 201);
    for (const waitMs of [0, 60_000, 58_000]) {
      edge.clock.advance(waitMs);
      assert.is((await post(assertion)).json.code, 'assertion_replayed');
    }
    edge.clock.advance(4_000);
    assert.is((await post(assertion)).json.code, 'credentials_refused');
  });

  test('accepts one of many simultaneous uses', async () => {
    const assertion = await edge.client.assertion(account.device, { sub: account.userId });
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(assertion)));
    assert.is(answers.filter(({ status }) => status === 201).length, 1);
    assert.is(answers.filter(({ json }) => json.code === 'assertion_replayed').length, 19);
  });

  test('does not tell a forger that a mark was used', async () => {
    const jti = randomId();
    await post(await edge.client.assertion(account.device, { sub: account.userId, jti }));
    const forged = await edge.client.assertion(await createDevice(), {
      sub: account.userId,
      jti,
      kid: account.device.deviceId,
    });
    assert.is((await post(forged)).json.code, 'credentials_refused');
  });

  for (const part of ['state', 'origin'] as const)
    test(`answers unavailable when the ${part} is away`, async () => {
      edge[part].setDown(true);
      const { status, json } = await signIn();
      assert.is(status, 503);
      assert.is(json.code, 'unavailable');
    });

  test('seals the session for its own place and stores only days', async () => {
    const { json } = await signIn();
    const stored = JSON.stringify([...edge.origin.sessions]);
    for (const id of [json.sessionId, account.userId, account.device.deviceId]) assert.not.match(stored, id);
    assert.match(stored, '"expiresOn":"2027-02-21"');
  });

  function signIn(): Promise<Answer> {
    return edge.client.assertion(account.device, { sub: account.userId }).then(post);
  }
  function post(assertion: string): Promise<Answer> {
    return edge.client.call('/v1/sessions', { body: { assertion } });
  }
});

describe('POST /v1/sessions/renew', ({ test, beforeEach }) => {
  let edge: Harness;
  beforeEach(async () => {
    edge = await createHarness();
  });

  test('gives the same session a new access token in one trip', async () => {
    const signedIn = await edge.client.join();
    edge.trips.reset();
    const { status, json } = await edge.client.renew(signedIn);
    assert.is(status, 200);
    assert.is(json.sessionId, signedIn.sessionId);
    assert.equal(edge.trips.calls, ['state.redeem']);
  });

  test('works when the state Redis is empty, with one trip more, and fills it again', async () => {
    const signedIn = await edge.client.join();
    edge.state.empty();
    edge.trips.reset();
    assert.is((await edge.client.renew(signedIn)).status, 200);
    assert.equal(edge.trips.calls, ['state.redeem', 'origin.read', 'state.put']);
    edge.trips.reset();
    await edge.client.renew(signedIn);
    assert.equal(edge.trips.calls, ['state.redeem']);
  });

  test('keeps a session that is renewed in time for 90 days, and no longer', async () => {
    const signedIn = await edge.client.join();
    for (const _ of [1, 2, 3, 4]) {
      edge.clock.advance(20 * DAY_MS);
      assert.is((await edge.client.renew(signedIn)).status, 200);
    }
    edge.clock.advance(10 * DAY_MS);
    const { json } = await edge.client.renew(signedIn);
    assert.ok(json.sessionExpiresInMs <= DAY_MS);
    edge.clock.advance(DAY_MS);
    assert.is((await edge.client.renew(signedIn)).json.code, 'session_ended');
  });

  test('ends a session that was idle for more than 30 days', async () => {
    const signedIn = await edge.client.join();
    edge.clock.advance(31 * DAY_MS);
    const { status, json } = await edge.client.renew(signedIn);
    assert.is(status, 401);
    assert.is(json.code, 'session_ended');
  });

  test('tells the origin once a day, beside the copy, and in two trips', async () => {
    const signedIn = await edge.client.join();
    edge.clock.advance(DAY_MS);
    edge.trips.reset();
    assert.is((await edge.client.renew(signedIn)).status, 200);
    assert.equal(edge.trips.calls.toSorted(), ['origin.renewSession', 'state.put', 'state.redeem']);
    assert.is(edge.trips.turns, 2);
    edge.trips.reset();
    await edge.client.renew(signedIn);
    assert.equal(edge.trips.calls, ['state.redeem']);
  });

  test('outlives the loss of the state Redis', async () => {
    const signedIn = await edge.client.join();
    for (const _ of [1, 2, 3]) {
      edge.clock.advance(20 * DAY_MS);
      assert.is((await edge.client.renew(signedIn)).status, 200);
      edge.state.empty();
    }
    edge.clock.advance(30 * DAY_MS);
    assert.is((await edge.client.renew(signedIn)).status, 200);
    edge.state.empty();
    edge.clock.advance(DAY_MS);
    assert.is((await edge.client.renew(signedIn)).json.code, 'session_ended');
  });

  test('works while the origin is away, and is told to it the next day', async () => {
    const signedIn = await edge.client.join();
    edge.clock.advance(DAY_MS);
    edge.origin.setDown(true);
    assert.is((await edge.client.renew(signedIn)).status, 200);
    assert.ok(edge.logged.some(({ event }) => event === 'session.not_renewed'));
    edge.origin.setDown(false);
    edge.clock.advance(20 * DAY_MS);
    assert.is((await edge.client.renew(signedIn)).status, 200);
    edge.state.empty();
    edge.clock.advance(30 * DAY_MS);
    assert.is((await edge.client.renew(signedIn)).status, 200);
  });

  test('ends a session that the origin no longer has, at the latest the next day', async () => {
    const signedIn = await edge.client.join();
    edge.origin.sessions.clear();
    edge.clock.advance(DAY_MS);
    assert.is((await edge.client.renew(signedIn)).json.code, 'session_ended');
  });

  test('does not go back when the origin shows an older record than the copy', async () => {
    const signedIn = await edge.client.join();
    const older = [...edge.origin.sessions];
    edge.clock.advance(20 * DAY_MS);
    await edge.client.renew(signedIn);
    for (const [tag, row] of older) edge.origin.sessions.set(tag, row);
    edge.clock.advance(20 * DAY_MS);
    assert.is((await edge.client.renew(signedIn)).status, 200);
  });

  test('does not renew the session of another device or user', async () => {
    const [alice, bob] = await Promise.all([edge.client.join(), edge.client.join()]);
    for (const isCold of [false, true]) {
      if (isCold) edge.state.empty();
      const { status, json } = await edge.client.renew({ ...bob, sessionId: alice.sessionId });
      assert.is(status, 401);
      assert.is(json.code, 'session_ended');
    }
  });

  test('does not know a session that was never opened', async () => {
    const alice = await edge.client.join();
    assert.is((await edge.client.renew({ ...alice, sessionId: randomId() })).json.code, 'session_ended');
  });

  test('refuses an assertion for signing in, and one without a session', async () => {
    const alice = await edge.client.join();
    for (const options of [
      { purpose: 'sign-in' as const },
      { purpose: 'renew' as const, sid: undefined as never },
    ])
      assert.is((await edge.client.renew(alice, options)).json.code, 'credentials_refused');
  });

  test('refuses a second use of the assertion', async () => {
    const alice = await edge.client.join();
    const jti = randomId();
    await edge.client.renew(alice, { jti });
    assert.is((await edge.client.renew(alice, { jti })).json.code, 'assertion_replayed');
  });

  test('goes on after an answer was lost: a fresh assertion renews, the lost one is of no use', async () => {
    const alice = await edge.client.join();
    const jti = randomId();
    edge.state.setPutDown(true);
    edge.clock.advance(DAY_MS);
    const lost = await edge.client.renew(alice, { jti });
    edge.state.setPutDown(false);
    assert.is((await edge.client.renew(alice, { jti })).json.code, 'assertion_replayed');
    const { status, json } = await edge.client.renew(alice);
    assert.equal([status, json.sessionId], [200, alice.sessionId]);
    for (const token of [lost.json.accessToken, json.accessToken])
      assert.is((await edge.client.call('/v1/connect', { token, body: { channels: [] } })).status, 200);
  });

  test('ends a session whose record the origin replaced by another one of ours', async () => {
    const [alice, bob] = await Promise.all([edge.client.join(), edge.client.join()]);
    const [first, second] = [...edge.origin.sessions.entries()];
    if (first === undefined || second === undefined) throw new Error('Two sessions are stored');
    edge.origin.sessions.set(first[0], second[1]);
    edge.origin.sessions.set(second[0], first[1]);
    edge.state.empty();
    for (const member of [alice, bob])
      assert.is((await edge.client.renew(member)).json.code, 'session_ended');
  });
});
