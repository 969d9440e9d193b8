import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import { LOCKOUT, lockMs } from '../../shared/lockout.ts';
import { describe } from '../../shared/testing/suite.ts';
import { codeAt, type Enrolled, enrol, show, wrongCode } from './authenticator.ts';
import type { Answer } from './client.ts';
import { createDevice } from './device.ts';
import { createHarness, type Harness } from './harness.ts';

const STEP_MS = 30_000;
const { failuresPerLock, failuresMax } = LOCKOUT;

describe('Signing in with a second factor', ({ test, beforeEach }) => {
  let edge: Harness;
  let owner: Enrolled;
  beforeEach(async () => {
    edge = await createHarness();
    owner = await enrol(edge.client, await edge.client.join(), edge.clock.now());
    edge.clock.advance(2 * STEP_MS);
    await signIn(); // Everything is warm.
    edge.clock.advance(2 * STEP_MS);
    edge.trips.reset();
  });

  const now = () => edge.clock.now();
  const signIn = (shown: object = { totp: codeAt(owner.secret, now()) }) => show(edge.client, owner, shown);
  const wrong = () => signIn({ totp: wrongCode(owner.secret, now()) });
  const fail = async (times: number): Promise<Answer[]> => {
    const answers: Answer[] = [];
    for (let i = 0; i < times; i += 1) answers.push(await wrong());
    return answers;
  };

  test('takes two trips when warm', async () => {
    assert.is((await signIn()).status, 201);
    assert.equal(edge.trips.calls.toSorted(), [
      'origin.createSession',
      'state.put',
      'state.recall',
      'state.redeem',
      'state.useStep',
    ]);
    assert.is(edge.trips.turns, 2);
  });

  test('takes two trips for a wrong code, for the one that locks, and one while locked', async () => {
    for (let i = 0; i < failuresPerLock; i += 1) {
      edge.trips.reset();
      assert.is((await wrong()).status, i < failuresPerLock - 1 ? 401 : 429);
      assert.is(edge.trips.turns, 2);
    }
    edge.trips.reset();
    assert.is((await signIn()).json.code, 'second_factor_locked');
    assert.is(edge.trips.turns, 1);
  });

  test('takes three trips when everything is cold', async () => {
    edge.state.empty();
    assert.is((await signIn()).status, 201);
    assert.is(edge.trips.turns, 3);
  });

  test('asks for it once the first factor has passed, in two trips, and opens nothing', async () => {
    const before = edge.origin.sessions.size;
    for (const isCold of [false, true]) {
      if (isCold) edge.state.empty();
      edge.trips.reset();
      const { status, json } = await signIn({});
      assert.is(status, 401);
      assert.is(json.code, 'second_factor_required');
      assert.is(edge.trips.turns, isCold ? 3 : 2);
    }
    assert.is(edge.origin.sessions.size, before);
  });

  test('tells nobody else that there is one', async () => {
    const stranger = await createDevice();
    const code = codeAt(owner.secret, now());
    for (const shown of [{}, { totp: code }, { recoveryCode: owner.recoveryCodes[0] ?? '' }]) {
      const seen: [string, string[]][] = [];
      for (const [device, userId] of [
        [stranger, owner.userId],
        [stranger, randomId()],
        [owner.device, randomId()],
      ] as const) {
        edge.trips.reset();
        const { json } = await show(edge.client, { device, userId }, shown);
        seen.push([json.code, edge.trips.calls]);
      }
      for (const one of seen) assert.equal(one, ['credentials_refused', seen[0]?.[1] ?? []]);
    }
    assert.equal(
      [...edge.origin.totp.failures.values()].filter((failures) => failures > 0),
      [],
    );
    assert.is((await signIn({ totp: code })).status, 201);
  });

  test('accepts the code of the step before during the first 15 s only', async () => {
    toStep(14_999);
    const before = codeAt(owner.secret, now() - STEP_MS);
    assert.is((await signIn({ totp: before })).status, 201);
    edge.clock.advance(4 * STEP_MS);
    toStep(15_000);
    const late = codeAt(owner.secret, now() - STEP_MS);
    assert.is((await signIn({ totp: late })).json.code, 'second_factor_refused');
    const early = codeAt(owner.secret, now() + STEP_MS);
    assert.is((await signIn({ totp: early })).json.code, 'second_factor_refused');
  });

  test('accepts a code once, also when the state Redis has lost everything meanwhile', async () => {
    const totp = codeAt(owner.secret, now());
    assert.is((await signIn({ totp })).status, 201);
    for (const isCold of [false, true]) {
      if (isCold) edge.state.empty();
      assert.is((await signIn({ totp })).json.code, 'second_factor_refused');
    }
    assert.is(edge.origin.totp.failures.get([...edge.origin.devices.keys()][0] ?? ''), 0);
  });

  test('accepts no code of an earlier step after one of a later', async () => {
    toStep(1_000);
    const before = codeAt(owner.secret, now() - STEP_MS);
    await signIn();
    edge.state.empty();
    assert.is((await signIn({ totp: before })).json.code, 'second_factor_refused');
  });

  test('accepts one of fifty simultaneous uses of a code', async () => {
    const totp = codeAt(owner.secret, now());
    const answers = await Promise.all(Array.from({ length: 50 }, () => signIn({ totp })));
    assert.is(answers.filter(({ status }) => status === 201).length, 1);
    assert.is(answers.filter(({ json }) => json.code === 'second_factor_refused').length, 49);
  });

  test('locks the device for 15 min at the fifth failure, and for longer each time', async () => {
    for (const locks of [1, 2, 3]) {
      const answers = await fail(failuresPerLock);
      const last = answers.pop();
      for (const { json } of answers) assert.is(json.code, 'second_factor_refused');
      const { retryAfterMs, code } = last?.json ?? {};
      assert.is(code, 'second_factor_locked');
      assert.is(retryAfterMs, lockMs(locks * failuresPerLock));
      edge.clock.advance(retryAfterMs - 2_000);
      const { json, headers } = await signIn();
      assert.is(json.code, 'second_factor_locked');
      assert.ok(Number(headers.get('retry-after')) <= 3);
      edge.clock.advance(3_000);
    }
    assert.is((await signIn()).status, 201);
    assert.is((await wrong()).json.code, 'second_factor_refused');
  });

  test('judges no more guesses than a lock allows when they come at once, and tells nothing about the others', async () => {
    edge.clock.advance(2 * STEP_MS);
    const guesses = Array.from({ length: 30 }, () => wrongCode(owner.secret, now()));
    const answers = await Promise.all([...guesses.map((totp) => signIn({ totp })), signIn()]);
    const unjudged = answers.filter(({ json }) => json.code === 'second_factor_locked');
    assert.is(answers.filter(({ status }) => status === 201).length, 0);
    assert.is(unjudged.length, 31 - (failuresPerLock - 1));
    const told = (answer: Answer | undefined) => ({ ...answer?.json, requestId: '' });
    for (const answer of unjudged) assert.equal(told(answer), told(answers.at(-1)));
  });

  test('begins a lock anew when the state Redis has lost it', async () => {
    await fail(failuresPerLock);
    edge.clock.advance(lockMs(failuresPerLock) + 1_000);
    edge.state.empty();
    const { json } = await signIn();
    assert.is(json.code, 'second_factor_locked');
    assert.is(Math.round(json.retryAfterMs / 60_000), 15);
    edge.clock.advance(json.retryAfterMs);
    assert.is((await signIn()).status, 201);
  });

  test('lets a device never try again after a hundred failures in a row', async () => {
    for (let failures = failuresPerLock; failures < failuresMax; failures += failuresPerLock) {
      await fail(failuresPerLock);
      edge.clock.advance(lockMs(failures) + 1_000);
    }
    await fail(failuresPerLock);
    edge.clock.advance(30 * 86_400_000);
    for (const isCold of [false, true]) {
      if (isCold) edge.state.empty();
      const { json } = await signIn();
      assert.is(json.code, 'second_factor_locked');
      assert.is(json.retryAfterMs, undefined);
      assert.is((await signIn({ recoveryCode: owner.recoveryCodes[0] })).json.code, 'second_factor_locked');
    }
  });

  test('lets a recovery code sign in once, typed in any way', async () => {
    const [first = '', second = ''] = owner.recoveryCodes;
    assert.is((await signIn({ recoveryCode: first })).status, 201);
    assert.is(edge.trips.turns, 2);
    assert.is((await signIn({ recoveryCode: first })).json.code, 'second_factor_refused');
    assert.is((await signIn({ recoveryCode: second.toLowerCase().replaceAll('-', '') })).status, 201);
  });

  test('refuses a code and a recovery code together, and what is neither', async () => {
    const [recoveryCode = ''] = owner.recoveryCodes;
    for (const shown of [
      { totp: '123456', recoveryCode },
      { totp: '12345' },
      { totp: 123_456 },
      { totp: '1234567' },
      { totp: '١٢٣٤٥٦' },
      { recoveryCode: '' },
      { recoveryCode: recoveryCode.slice(1) },
      { totp: null },
    ])
      assert.is((await signIn(shown)).json.code, 'bad_request', JSON.stringify(shown));
  });

  test('takes no second factor for a session without one', async () => {
    const plain = await edge.client.join();
    assert.is((await show(edge.client, plain, { totp: '123456' })).status, 201);
  });

  for (const part of ['state', 'origin'] as const)
    test(`answers unavailable when the ${part} is away`, async () => {
      edge[part].setDown(true);
      const { status, json } = await signIn();
      assert.is(status, 503);
      assert.is(json.code, 'unavailable');
    });

  test('does not believe an origin that shows no record, or an older one', async () => {
    const [[account, newest] = ['', undefined]] = edge.origin.totp.records;
    if (newest === undefined) throw new Error('There is a record');
    for (const rolledBack of [undefined, { ...newest, version: 0 }]) {
      if (rolledBack === undefined) edge.origin.totp.records.delete(account);
      else edge.origin.totp.records.set(account, rolledBack);
      assert.is((await signIn({})).json.code, 'unavailable');
      assert.is((await signIn()).json.code, 'unavailable');
      edge.clock.advance(2 * STEP_MS);
    }
    edge.origin.totp.records.set(account, newest);
    assert.is((await signIn()).status, 201);
  });

  test('does not believe a record of another account', async () => {
    const other = await enrol(edge.client, await edge.client.join(), now());
    const [mine, theirs] = [...edge.origin.totp.records];
    if (mine === undefined || theirs === undefined) throw new Error('There are two records');
    edge.origin.totp.records.set(mine[0], theirs[1]);
    edge.state.empty();
    assert.is((await signIn({ totp: codeAt(other.secret, now()) })).json.code, 'unavailable');
    assert.ok(edge.logged.some(({ event }) => event === 'record.forged'));
  });

  test('works when the state Redis fails between the trips, since the origin decides', async () => {
    const { useStep } = edge.state;
    edge.state.useStep = () => Promise.reject(new Error('gone'));
    assert.is((await signIn()).status, 201);
    edge.state.useStep = useStep;
    assert.equal(
      edge.logged.map(({ event }) => event),
      ['factor.not_remembered'],
    );
  });

  test('stores neither the secret nor a recovery code where it could be read', () => {
    const stored = JSON.stringify([
      ...edge.origin.totp.records,
      ...edge.origin.totp.codes,
      ...edge.state.copies,
      ...edge.logged,
    ]);
    for (const secret of [owner.secret, ...owner.recoveryCodes]) {
      assert.not.match(stored, secret);
      assert.not.match(stored, secret.replaceAll('-', ''));
    }
  });

  /** Moves to this many milliseconds after the beginning of a step. */
  function toStep(ms: number): void {
    edge.clock.advance(STEP_MS - (now() % STEP_MS) + ms);
  }
});

describe('Setting up a second factor', ({ test, beforeEach }) => {
  let edge: Harness;
  beforeEach(async () => {
    edge = await createHarness();
  });
  const now = () => edge.clock.now();
  const begin = (token: string) => edge.client.call('/v1/totp', { method: 'POST', token });
  const confirm = (token: string, code: string) =>
    edge.client.call('/v1/totp/confirm', { token, body: { code } });
  const remove = (token: string) => edge.client.call('/v1/totp', { method: 'DELETE', token });
  const stepUp = (token: string, body: object) => edge.client.call('/v1/totp/step-up', { token, body });

  test('takes two trips to begin and two to confirm, and changes nothing before', async () => {
    const owner = await edge.client.join();
    edge.trips.reset();
    const { status, json } = await begin(owner.token);
    assert.is(status, 201);
    assert.is(edge.trips.turns, 2);
    assert.is(json.expiresInMs, 600_000);
    assert.match(json.uri, `secret=${json.secret}`);
    assert.match(json.uri, /^otpauth:\/\/totp\/edge\.example:/);
    assert.is((await show(edge.client, owner, {})).status, 201);
    edge.trips.reset();
    const confirmed = await confirm(owner.token, codeAt(json.secret, now()));
    assert.is(confirmed.status, 201);
    assert.is(edge.trips.turns, 2);
    assert.is(confirmed.json.recoveryCodes.length, 10);
    assert.is((await show(edge.client, owner, {})).json.code, 'second_factor_required');
  });

  test('does not let the confirming code sign in', async () => {
    const owner = await enrol(edge.client, await edge.client.join(), now());
    const answer = await show(edge.client, owner, { totp: codeAt(owner.secret, now()) });
    assert.is(answer.json.code, 'second_factor_refused');
  });

  test('refuses a wrong code, a second confirmation, and one after ten minutes', async () => {
    const owner = await edge.client.join();
    const { json } = await begin(owner.token);
    assert.is((await confirm(owner.token, wrongCode(json.secret, now()))).json.code, 'second_factor_refused');
    assert.is((await confirm(owner.token, codeAt(json.secret, now()))).status, 201);
    assert.is((await confirm(owner.token, codeAt(json.secret, now()))).json.code, 'conflict');
    const late = await edge.client.join();
    const { json: begun } = await begin(late.token);
    edge.clock.advance(600_000);
    const { json: renewed } = await edge.client.renew(late);
    const { json: answer } = await confirm(renewed.accessToken, codeAt(begun.secret, now()));
    assert.is(answer.code, 'conflict');
  });

  test("confirms an enrolment in its own session only, and nobody else's", async () => {
    const [owner, other] = [await edge.client.join(), await edge.client.join()];
    const again = await edge.client.signIn(owner);
    const { json } = await begin(owner.token);
    for (const { token } of [other, again])
      assert.is((await confirm(token, codeAt(json.secret, now()))).json.code, 'conflict');
  });

  test('lets one of two sessions that set it up at once win', async () => {
    const owner = await edge.client.join();
    const again = await edge.client.signIn(owner);
    const [first, second] = [await begin(owner.token), await begin(again.token)];
    assert.is((await confirm(owner.token, codeAt(first.json.secret, now()))).status, 201);
    assert.is((await confirm(again.token, codeAt(second.json.secret, now()))).json.code, 'conflict');
  });

  test('replaces and removes it after a step-up only', async () => {
    const owner = await enrol(edge.client, await edge.client.join(), now());
    for (const call of [begin, remove]) {
      const { status, json } = await call(owner.token);
      assert.is(status, 403);
      assert.is(json.code, 'step_up_required');
    }
    edge.clock.advance(2 * STEP_MS);
    edge.trips.reset();
    const stepped = await stepUp(owner.token, { totp: codeAt(owner.secret, now()) });
    assert.is(stepped.status, 200);
    assert.is(edge.trips.turns, 2);
    const { accessToken } = stepped.json;
    const { json: begun } = await begin(accessToken);
    assert.is((await confirm(accessToken, codeAt(begun.secret, now()))).status, 201);
    edge.clock.advance(2 * STEP_MS);
    const old = await show(edge.client, owner, { totp: codeAt(owner.secret, now()) });
    assert.is(old.json.code, 'second_factor_refused');
    const oldCode = await show(edge.client, owner, { recoveryCode: owner.recoveryCodes[0] });
    assert.is(oldCode.json.code, 'second_factor_refused');
    const fresh = await show(edge.client, owner, { totp: codeAt(begun.secret, now()) });
    assert.is(fresh.status, 201);
    edge.trips.reset();
    assert.equal((await remove(fresh.json.accessToken)).json, { state: 'off' });
    assert.is(edge.trips.turns, 2, edge.trips.calls.join());
    assert.equal((await remove(fresh.json.accessToken)).json, { state: 'off' });
    assert.is((await show(edge.client, owner, {})).status, 201);
    assert.is(edge.origin.totp.codes.size, 0);
  });

  test('counts a step-up for five minutes, and not for a renewed token', async () => {
    const owner = await enrol(edge.client, await edge.client.join(), now());
    edge.clock.advance(2 * STEP_MS);
    const { json } = await stepUp(owner.token, { recoveryCode: owner.recoveryCodes[0] });
    const { json: renewed } = await edge.client.renew(owner);
    assert.is((await begin(renewed.accessToken)).json.code, 'step_up_required');
    assert.is((await begin(json.accessToken)).status, 201);
    edge.clock.advance(306_000);
    assert.is((await begin(json.accessToken)).json.code, 'token_refused');
  });

  test('counts failures of a step-up with those of signing in', async () => {
    const owner = await enrol(edge.client, await edge.client.join(), now());
    edge.clock.advance(2 * STEP_MS);
    const totp = wrongCode(owner.secret, now());
    for (let i = 1; i < failuresPerLock; i += 1)
      assert.is((await stepUp(owner.token, { totp })).json.code, 'second_factor_refused');
    assert.is((await show(edge.client, owner, { totp })).json.code, 'second_factor_locked');
    const right = await stepUp(owner.token, { totp: codeAt(owner.secret, now()) });
    assert.is(right.json.code, 'second_factor_locked');
  });

  test('has no step-up without a second factor, and none without showing one', async () => {
    const owner = await edge.client.join();
    assert.is((await stepUp(owner.token, { totp: '123456' })).json.code, 'conflict');
    assert.is((await stepUp(owner.token, {})).json.code, 'bad_request');
  });

  test('asks for an access token', async () => {
    assert.is((await begin(randomId())).json.code, 'token_refused');
    assert.is((await remove(randomId())).json.code, 'token_refused');
  });
});

describe('A policy that requires a second factor', ({ test, beforeEach }) => {
  let edge: Harness;
  beforeEach(async () => {
    edge = await createHarness({ HUSHWIRE_EDGE_TOTP_POLICY: 'required' });
  });
  const connect = (token: string) => edge.client.call('/v1/connect', { token, body: { channels: [] } });

  test('lets a session without one do nothing but set one up', async () => {
    const owner = await edge.client.join();
    for (const token of [owner.token, (await edge.client.renew(owner)).json.accessToken]) {
      const { status, json } = await connect(token);
      assert.is(status, 401);
      assert.is(json.code, 'second_factor_required');
    }
    await enrol(edge.client, owner, edge.clock.now());
    const renewed = await edge.client.renew(owner);
    assert.is((await connect(renewed.json.accessToken)).status, 200);
  });

  test('lets a session with one do everything but remove it', async () => {
    const owner = await enrol(edge.client, await edge.client.join(), edge.clock.now());
    edge.clock.advance(2 * STEP_MS);
    const signedIn = await show(edge.client, owner, { totp: codeAt(owner.secret, edge.clock.now()) });
    const { accessToken, sessionId } = signedIn.json;
    assert.is((await connect(accessToken)).status, 200);
    const removal = await edge.client.call('/v1/totp', { method: 'DELETE', token: accessToken });
    assert.is(removal.json.code, 'forbidden');
    edge.trips.reset();
    const renewed = await edge.client.renew({ ...owner, sessionId });
    assert.is((await connect(renewed.json.accessToken)).status, 200);
    assert.equal(
      edge.trips.calls.filter((call) => call.startsWith('origin.r')),
      [],
    );
  });
});
