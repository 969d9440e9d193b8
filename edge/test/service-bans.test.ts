import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import { describe } from '../../shared/testing/suite.ts';
import { enrol } from './authenticator.ts';
import type { SignedIn } from './client.ts';
import { createDevice } from './device.ts';
import { createHarness, type Harness, testEnv } from './harness.ts';
import { countVerifications } from './verifications.ts';

const JWE = 'aaaa.bbbb.cccc.dddd.eeee';
const DAY_MS = 86_400_000;

describe('bans from the service', ({ test, beforeEach }) => {
  let edge: Harness;
  let operator: SignedIn;
  let person: SignedIn;
  beforeEach(async () => {
    const device = await createDevice();
    edge = await createHarness({ HUSHWIRE_EDGE_OPERATORS: device.deviceId });
    const assertion = await edge.client.assertion(device, { purpose: 'sign-up' });
    const { json } = await edge.client.call('/v1/accounts', {
      body: { publicKey: device.publicKey, assertion },
    });
    operator = await edge.client.signIn({ device, userId: json.userId });
    person = await edge.client.join();
    edge.trips.reset();
  });

  const ban = (body: object, { token }: SignedIn = operator) => edge.client.call('/v1/bans', { token, body });
  const lift = (userIds: string[]) =>
    edge.client.call('/v1/bans/lift', { token: operator.token, body: { userIds } });
  const list = ({ token }: SignedIn = operator) => edge.client.call('/v1/bans', { token });
  const connect = ({ token }: SignedIn) => edge.client.call('/v1/connect', { token, body: { channels: [] } });
  const signInAgain = async ({ device, userId }: SignedIn) => {
    const assertion = await edge.client.assertion(device, { purpose: 'sign-in', sub: userId });
    return edge.client.call('/v1/sessions', { body: { assertion } });
  };
  const codes = async (call: Promise<{ status: number; json: { code?: string } }>) => {
    const { status, json } = await call;
    return [status, json.code];
  };

  test('end every session at once, warm or cold, and let nobody sign in', async () => {
    assert.is((await connect(person)).status, 200);
    assert.is((await ban({ userIds: [person.userId] })).status, 200);
    assert.equal(await codes(connect(person)), [401, 'session_ended']);
    assert.equal(await codes(signInAgain(person)), [401, 'credentials_refused']);
    edge.state.empty();
    assert.equal(await codes(connect(person)), [401, 'session_ended']);
    assert.equal(await codes(signInAgain(person)), [401, 'credentials_refused']);
    assert.is((await connect(operator)).status, 200, 'nobody else');
  });

  test('take two trips, and cost a sign-in none', async () => {
    await ban({ userIds: [person.userId] });
    assert.is(edge.trips.turns, 2, edge.trips.calls.join(', '));
    edge.trips.reset();
    await signInAgain(person);
    assert.is(edge.trips.turns, 2, edge.trips.calls.join(', '));
  });

  test('refuse the banned exactly as the unknown: nothing tells that somebody is', async () => {
    await ban({ userIds: [person.userId] });
    const banned = await signInAgain(person);
    const stranger = await signInAgain({ ...person, device: await createDevice(), userId: randomId() });
    const { requestId: _, ...first } = banned.json;
    const { requestId: __, ...second } = stranger.json;
    assert.equal([banned.status, first], [stranger.status, second]);
  });

  test('are told to nobody without the key: the same calls and the same work as for the unknown', async () => {
    const stranger = await createDevice();
    await ban({ userIds: [person.userId] });
    const asked: Readonly<Record<string, string>>[] = [
      { sub: person.userId, kid: person.device.deviceId },
      { sub: person.userId },
      { sub: randomId() },
    ];
    for (const isCold of [false, true]) {
      if (isCold) edge.state.empty();
      const seen = [];
      for (const claims of asked) {
        edge.trips.reset();
        const assertion = await edge.client.assertion(stranger, { purpose: 'sign-in', ...claims });
        const attempt = () => edge.client.call('/v1/sessions', { body: { assertion } });
        const { verified, answer } = await countVerifications(attempt);
        const { requestId: _, ...problem } = answer.json;
        seen.push({ problem, verified, calls: edge.trips.calls });
      }
      assert.equal(seen[0], seen[2]);
      assert.equal(seen[1], seen[2]);
      assert.equal([seen[0]?.problem.code, seen[0]?.calls.length], ['credentials_refused', 2]);
    }
  });

  test('hold many at once, and all or nobody', async () => {
    const people = await Promise.all(Array.from({ length: 5 }, () => edge.client.join()));
    await ban({ userIds: people.map(({ userId }) => userId), statement: JWE });
    for (const one of people) assert.equal(await codes(connect(one)), [401, 'session_ended']);
    const { bans, isWhole } = (await list()).json;
    assert.is(isWhole, true);
    assert.equal(
      bans.map(({ statement }: { statement: string }) => statement),
      Array(5).fill(JWE),
    );
    await lift(people.map(({ userId }) => userId));
    assert.equal((await list()).json.bans, []);
    for (const one of people) assert.is((await signInAgain(one)).status, 201);
  });

  test('are found under every key, so that keys can be rotated while bans last', async () => {
    const [old, fresh] = [`1:${randomId(32)}`, `2:${randomId(32)}`];
    const keys = await testEnv();
    const device = await createDevice();
    const start = (banKeys: string) =>
      createHarness({ ...keys, HUSHWIRE_EDGE_OPERATORS: device.deviceId, HUSHWIRE_EDGE_BAN_KEYS: banKeys });
    edge = await start(old);
    const assertion = await edge.client.assertion(device, { purpose: 'sign-up' });
    const { json } = await edge.client.call('/v1/accounts', {
      body: { publicKey: device.publicKey, assertion },
    });
    operator = await edge.client.signIn({ device, userId: json.userId });
    person = await edge.client.join();
    await ban({ userIds: [person.userId] });
    const [placed] = edge.origin.moderation.bans.values();
    assert.is(placed?.keyVersion, 1);
    // A new key in front, over the same stores: the same records, bans and people.
    const rotated = await createHarness(
      { ...keys, HUSHWIRE_EDGE_OPERATORS: device.deviceId, HUSHWIRE_EDGE_BAN_KEYS: `${fresh},${old}` },
      edge,
    );
    edge = rotated;
    assert.equal(await codes(signInAgain(person)), [401, 'credentials_refused']);
    const other = await edge.client.join();
    await ban({ userIds: [other.userId] });
    assert.equal(
      [...edge.origin.moderation.bans.values()].map(({ keyVersion }) => keyVersion).sort(),
      [1, 2],
    );
    await lift([person.userId, other.userId]);
    assert.is(edge.origin.moderation.bans.size, 0);
    assert.is((await signInAgain(person)).status, 201);
  });

  test('are operators’ alone, who show their second factor', async () => {
    for (const call of [ban({ userIds: [operator.userId] }, person), list(person)])
      assert.equal(await codes(call), [403, 'forbidden']);
    await enrol(edge.client, operator, edge.clock.now());
    edge.clock.advance(6 * 60_000);
    const renewed = await edge.client.renew(operator);
    assert.equal(
      await codes(ban({ userIds: [person.userId] }, { ...operator, token: renewed.json.accessToken })),
      [403, 'step_up_required'],
    );
  });

  test('refuse what makes no sense', async () => {
    const userIds = [person.userId];
    for (const body of [
      {},
      { userIds: [] },
      { userIds: ['x'] },
      { userIds, statement: 'in clear' },
      { userIds, until: 'soon' },
    ])
      assert.is((await ban(body)).status, 400, JSON.stringify(body));
    assert.equal(await codes(ban({ userIds, until: '2020-01-01' })), [400, 'bad_request']);
    assert.equal(await codes(ban({ userIds: [operator.userId] })), [409, 'conflict']);
    assert.is(edge.origin.moderation.bans.size, 0);
  });

  test('leave nothing at the origin that tells whom they are about', async () => {
    await ban({ userIds: [person.userId] });
    const stored = JSON.stringify([...edge.origin.moderation.bans]);
    for (const secret of [person.userId, person.device.deviceId]) assert.not(stored.includes(secret));
    edge.clock.advance(DAY_MS);
    assert.equal(await codes(signInAgain(person)), [401, 'credentials_refused']);
  });
});
