import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import { describe } from '../../shared/testing/suite.ts';
import type { SignedIn } from './client.ts';
import { createHarness, type Harness } from './harness.ts';

describe('POST /v1/channels', ({ test, beforeEach }) => {
  let edge: Harness;
  let alice: SignedIn;
  beforeEach(async () => {
    edge = await createHarness();
    alice = await edge.client.join();
    edge.trips.reset();
  });

  test('creates a channel in two trips', async () => {
    const channelId = randomId();
    const { status, json } = await create(alice, channelId);
    assert.is(status, 201);
    assert.is(json.channelId, channelId);
    assert.match(json.channel, /^[A-Za-z0-9_-]{22}$/);
    assert.is.not(json.channel, json.member);
    assert.equal(edge.trips.calls, ['state.look', 'origin.createChannel']);
  });

  test('answers the owner the same again, warm or cold', async () => {
    const channelId = randomId();
    const first = await create(alice, channelId);
    assert.equal((await create(alice, channelId)).json, first.json);
    await connect(alice, [channelId]);
    edge.trips.reset();
    assert.equal((await create(alice, channelId)).json, first.json);
    assert.equal(edge.trips.calls, ['state.look']);
    edge.state.empty();
    assert.equal((await create(alice, channelId)).json, first.json);
  });

  test('answers conflict for a channel of somebody else, also to a member', async () => {
    const channelId = await edge.client.createChannel(alice);
    const bob = await edge.client.join();
    assert.is((await create(bob, channelId)).json.code, 'conflict');
    await add(alice, channelId, bob.userId);
    const { status, json } = await create(bob, channelId);
    assert.is(status, 409);
    assert.is(json.code, 'conflict');
  });

  test('makes one owner of many who create the same channel at once', async () => {
    const channelId = randomId();
    const others = await Promise.all(Array.from({ length: 5 }, () => edge.client.join()));
    const answers = await Promise.all([alice, ...others].map((who) => create(who, channelId)));
    assert.is(answers.filter(({ status }) => status === 201).length, 1);
    assert.is(answers.filter(({ json }) => json.code === 'conflict').length, 5);
    const verdicts = await Promise.all([alice, ...others].map((who) => connect(who, [channelId])));
    assert.is(verdicts.filter(({ json }) => json.channels.length === 1).length, 1);
  });

  test('needs a session that lives', async () => {
    edge.origin.sessions.clear();
    edge.state.empty();
    assert.is((await create(alice, randomId())).json.code, 'session_ended');
    assert.is(edge.origin.channels.size, 0);
  });

  for (const part of ['state', 'origin'] as const)
    test(`answers unavailable when the ${part} is away`, async () => {
      edge[part].setDown(true);
      assert.is((await create(alice, randomId())).json.code, 'unavailable');
    });

  test('stores no id', async () => {
    const channelId = await edge.client.createChannel(alice);
    const stored = JSON.stringify([...edge.origin.channels, ...edge.origin.members, ...edge.state.copies]);
    for (const id of [channelId, alice.userId]) assert.not.match(stored, id);
  });

  function create(who: SignedIn, channelId: string) {
    return edge.client.call('/v1/channels', { token: who.token, body: { channelId } });
  }
  function add(who: SignedIn, channelId: string, userId: string) {
    return edge.client.call(`/v1/channels/${channelId}/members`, { token: who.token, body: { userId } });
  }
  function connect(who: SignedIn, channels: string[]) {
    return edge.client.call('/v1/connect', { token: who.token, body: { channels } });
  }
});

describe('POST /v1/channels/{channelId}/members', ({ test, beforeEach }) => {
  let edge: Harness;
  let alice: SignedIn;
  let bob: SignedIn;
  let channelId: string;
  beforeEach(async () => {
    edge = await createHarness();
    [alice, bob] = await Promise.all([edge.client.join(), edge.client.join()]);
    channelId = await edge.client.createChannel(alice);
    edge.trips.reset();
  });

  test('lets the owner add a member, in two trips, and once more in one', async () => {
    const { status, json } = await add(alice, bob.userId);
    assert.is(status, 201);
    const asked = ['origin.findBlocks', 'origin.read', 'state.look'];
    const all = ['origin.changeMembers', ...asked, 'state.drop', 'state.put'];
    assert.equal(edge.trips.calls.toSorted(), all.toSorted());
    assert.is(edge.trips.turns, 2);
    edge.trips.reset();
    assert.equal((await add(alice, bob.userId)).json, json);
    assert.equal(edge.trips.calls.toSorted(), asked);
    assert.is(edge.trips.turns, 1);
  });

  test('does not tell whether the user exists', async () => {
    assert.is((await add(alice, randomId())).status, 201);
  });

  test('refuses members, strangers and unknown channels alike', async () => {
    const carol = await edge.client.join();
    await add(alice, bob.userId);
    const answers = [
      await add(bob, carol.userId),
      await add(carol, carol.userId),
      await add(alice, carol.userId, randomId()),
    ];
    for (const { status, json } of answers) {
      assert.is(status, 403);
      assert.is(json.code, 'forbidden');
      assert.is(json.detail, undefined);
    }
  });

  test('refuses an owner record of another channel or person that an origin passes off', async () => {
    const mallory = await edge.client.join();
    const own = await edge.client.createChannel(mallory);
    const answer = await edge.client.call('/v1/channels', { token: mallory.token, body: { channelId: own } });
    const mine = edge.origin.members.get(answer.json.member);
    if (mine === undefined) throw new Error('The owner is stored');
    const there = await connect(mallory, [channelId]);
    assert.is(there.json.refused.length, 1);
    for (const tag of await wantedBy(mallory)) edge.origin.members.set(tag, mine);
    assert.is((await add(mallory, mallory.userId)).json.code, 'forbidden');
    assert.is((await connect(mallory, [channelId])).json.channels.length, 0);
    assert.ok(edge.logged.some(({ event }) => event === 'record.forged'));
  });

  test('keeps the owner an owner when the owner is added again', async () => {
    await add(alice, alice.userId);
    edge.state.empty();
    assert.is((await add(alice, bob.userId)).status, 201);
  });

  test('refuses ids of another form', async () => {
    assert.is((await add(alice, 'x')).json.code, 'bad_request');
    assert.is((await add(alice, bob.userId, 'x')).json.code, 'bad_request');
    assert.is((await add(alice, bob.userId, '%E0%A4%A')).json.code, 'bad_request');
  });

  /** The member tag an edge asks for when this person enters the channel. */
  async function wantedBy(who: SignedIn): Promise<string[]> {
    const asked: string[] = [];
    const { read } = edge.origin;
    edge.origin.read = (request, requestId) => {
      asked.push(...(request.members ?? []));
      return read(request, requestId);
    };
    await connect(who, [channelId]);
    edge.origin.read = read;
    return asked;
  }
  function add(who: SignedIn, userId: string, channel = channelId) {
    return edge.client.call(`/v1/channels/${channel}/members`, { token: who.token, body: { userId } });
  }
  function connect(who: SignedIn, channels: string[]) {
    return edge.client.call('/v1/connect', { token: who.token, body: { channels } });
  }
});

describe('DELETE /v1/channels/{channelId}', ({ test, beforeEach }) => {
  let edge: Harness;
  let owner: SignedIn;
  let other: SignedIn;
  let channelId: string;
  beforeEach(async () => {
    edge = await createHarness();
    [owner, other] = [await edge.client.join(), await edge.client.join()];
    channelId = await edge.client.createChannel(owner);
    await call(owner, 'POST', `/v1/channels/${channelId}/members`, { userId: other.userId });
  });

  test('ends it for everybody, in three trips, and revokes its tag', async () => {
    assert.ok(await mayEnter(other));
    edge.trips.reset();
    assert.equal(await remove(owner), [200, undefined]);
    assert.is(edge.trips.turns, 3);
    assert.is(edge.origin.moderation.revoked.length, 1);
    for (const who of [owner, other]) assert.not(await mayEnter(who));
  });

  test('is refused alike to members, moderators, strangers, and where there is none', async () => {
    const stranger = await edge.client.join();
    assert.equal(await remove(other), [403, 'forbidden']);
    await call(owner, 'PUT', `/v1/channels/${channelId}/members/${other.userId}/role`, { role: 'moderator' });
    assert.equal(await remove(other), [403, 'forbidden']);
    assert.equal(await remove(stranger), [403, 'forbidden']);
    assert.equal(await remove(owner, randomId()), [403, 'forbidden']);
    assert.equal(await remove(owner), [200, undefined]);
    assert.equal(await remove(owner), [403, 'forbidden'], 'a repeat');
  });

  test('is refused to an owner of before, whose record an origin brings back', async () => {
    const records = new Map(edge.origin.members);
    await call(owner, 'PUT', `/v1/channels/${channelId}/members/${other.userId}/role`, { role: 'owner' });
    for (const [tag, record] of records) edge.origin.members.set(tag, record);
    assert.equal(await remove(owner), [403, 'forbidden']);
  });

  function call(who: SignedIn, method: string, path: string, body?: object) {
    return edge.client.call(path, { method, token: who.token, ...(body === undefined ? {} : { body }) });
  }
  async function remove(who: SignedIn, channel = channelId): Promise<[number, string | undefined]> {
    const { status, json } = await call(who, 'DELETE', `/v1/channels/${channel}`);
    return [status, json.code];
  }
  async function mayEnter(who: SignedIn): Promise<boolean> {
    const { json } = await call(who, 'POST', '/v1/connect', { channels: [channelId] });
    return json.channels.length === 1;
  }
});
