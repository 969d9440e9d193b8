import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import { describe } from '../../shared/testing/suite.ts';
import type { SignedIn } from './client.ts';
import { createHarness, type Harness } from './harness.ts';

const DAY_MS = 86_400_000;
const STATEMENT = 'eyJh.bb.cc.dd.ee';

describe('moderation of a channel', ({ test, beforeEach }) => {
  let edge: Harness;
  let owner: SignedIn;
  let moderator: SignedIn;
  let member: SignedIn;
  let stranger: SignedIn;
  let channelId: string;
  beforeEach(async () => {
    edge = await createHarness();
    [owner, moderator, member, stranger] = [
      await edge.client.join(),
      await edge.client.join(),
      await edge.client.join(),
      await edge.client.join(),
    ];
    channelId = await edge.client.createChannel(owner);
    for (const { userId } of [moderator, member]) await add(owner, userId);
    assert.is((await role(owner, moderator.userId, 'moderator')).status, 200);
    edge.origin.moderation.revoked.length = 0;
  });

  const call = (who: SignedIn, method: string, path: string, body?: object) =>
    edge.client.call(`/v1/channels/${channelId}/${path}`, {
      method,
      token: who.token,
      ...(body === undefined ? {} : { body }),
    });
  const add = (who: SignedIn, userId: string) => call(who, 'POST', 'members', { userId });
  const remove = (who: SignedIn, userId: string) => call(who, 'DELETE', `members/${userId}`);
  const role = (who: SignedIn, userId: string, to: string) =>
    call(who, 'PUT', `members/${userId}/role`, { role: to });
  const ban = (who: SignedIn, userIds: string[], more = {}) =>
    call(who, 'POST', 'bans', { userIds, ...more });
  const lift = (who: SignedIn, userIds: string[]) => call(who, 'POST', 'bans/lift', { userIds });
  const mayEnter = async (who: SignedIn) => {
    const { json } = await edge.client.call('/v1/connect', {
      method: 'POST',
      token: who.token,
      body: { channels: [channelId] },
    });
    return json.channels.length === 1;
  };

  test('a removed member gets no grant, at once, warm or cold, and may be added again', async () => {
    assert.ok(await mayEnter(member));
    assert.is((await remove(moderator, member.userId)).status, 200);
    assert.not(await mayEnter(member));
    edge.state.empty();
    assert.not(await mayEnter(member));
    assert.is(edge.origin.moderation.revoked.length, 1);
    assert.is((await add(owner, member.userId)).status, 201);
    assert.ok(await mayEnter(member));
  });

  test('removing, banning and adding take two trips each: one read, then one write', async () => {
    for (const [make, more] of [
      [() => remove(moderator, member.userId), []],
      [() => ban(moderator, [stranger.userId]), []],
      [() => add(moderator, member.userId), ['origin.findBlocks']],
    ] as const) {
      edge.trips.reset();
      await make();
      assert.equal([...edge.trips.calls].sort(), [
        'origin.changeMembers',
        ...more,
        'origin.read',
        'state.drop',
        'state.look',
        'state.put',
      ]);
      assert.is(edge.trips.turns, 2);
    }
  });

  test('everybody may leave but the owner, who hands over first', async () => {
    assert.is((await remove(member, member.userId)).status, 200);
    assert.not(await mayEnter(member));
    assert.is((await remove(owner, owner.userId)).json.code, 'conflict');
    assert.is((await role(owner, moderator.userId, 'owner')).status, 200);
    assert.is((await role(owner, moderator.userId, 'owner')).status, 200, 'a repeat is harmless');
    assert.is((await role(moderator, owner.userId, 'member')).status, 200, 'the new owner rules');
    assert.is((await remove(owner, owner.userId)).status, 200);
  });

  test('another role ends nothing that was granted; a membership that ends does', async () => {
    const { revoked } = edge.origin.moderation;
    const before = revoked.length;
    for (const to of ['moderator', 'member']) assert.is((await role(owner, member.userId, to)).status, 200);
    assert.is(revoked.length, before);
    assert.is((await remove(owner, member.userId)).status, 200);
    assert.is(revoked.length, before + 1);
  });

  test('nobody reaches up: members moderate nothing, moderators neither each other nor the owner', async () => {
    const tries = [
      await remove(member, moderator.userId),
      await add(member, stranger.userId),
      await ban(member, [stranger.userId]),
      await lift(member, [stranger.userId]),
      await call(member, 'GET', 'bans'),
      await remove(moderator, owner.userId),
      await ban(moderator, [owner.userId]),
      await role(moderator, member.userId, 'moderator'),
      await role(moderator, moderator.userId, 'owner'),
      await ban(stranger, [member.userId]),
      await remove(stranger, member.userId),
    ];
    for (const [i, { status, json }] of tries.entries())
      assert.ok(status === 403 || json.code === 'conflict', `try ${i}: ${status} ${json.code}`);
    for (const who of [owner, moderator, member]) assert.ok(await mayEnter(who));
    assert.is(edge.origin.moderation.bans.size, 0);
  });

  test('a ban keeps people out, members or not, and neither rejoining nor an empty state Redis lifts it', async () => {
    assert.is((await ban(moderator, [member.userId, stranger.userId], { statement: STATEMENT })).status, 200);
    assert.not(await mayEnter(member));
    for (const { userId } of [member, stranger]) {
      assert.is((await add(owner, userId)).json.code, 'conflict');
      edge.state.empty();
      assert.is((await add(owner, userId)).json.code, 'conflict');
    }
    assert.is(edge.origin.moderation.revoked.length, 1);
    const { json } = await call(moderator, 'GET', 'bans');
    assert.equal(
      json.bans.map(({ statement, until }: { statement: string; until?: string }) => [statement, until]),
      [
        [STATEMENT, undefined],
        [STATEMENT, undefined],
      ],
    );
  });

  test('a ban that is placed again takes the place of its statement', async () => {
    const other = STATEMENT.replace(/^./, 'z');
    await ban(moderator, [member.userId], { statement: STATEMENT });
    await ban(moderator, [member.userId], { statement: other });
    const { json } = await call(moderator, 'GET', 'bans');
    assert.equal(
      json.bans.map(({ statement }: { statement: string }) => statement),
      [other],
    );
    assert.not(await mayEnter(member));
  });

  test('an origin that brings back the record from before the ban is not believed when adding', async () => {
    const tag = [...edge.origin.members.keys()].at(-1) ?? '';
    const before = edge.origin.members.get(tag);
    await ban(moderator, [member.userId]);
    if (before !== undefined) edge.origin.members.set(tag, { ...before });
    assert.not(await mayEnter(member));
    edge.state.empty();
    edge.origin.members.delete(tag);
    assert.is((await add(owner, member.userId)).json.code, 'conflict', 'the ban itself is kept besides');
    assert.not(await mayEnter(member), 'nor does the try leave a membership behind');
  });

  test('a ban ends after its last day, and a lifted one at once', async () => {
    const today = new Date(edge.clock.now()).toISOString().slice(0, 10);
    await ban(moderator, [member.userId], { until: today });
    assert.is((await add(owner, member.userId)).json.code, 'conflict');
    assert.is((await lift(moderator, [member.userId])).status, 200);
    assert.is((await add(owner, member.userId)).status, 201);
    assert.ok(await mayEnter(member));
    await ban(moderator, [member.userId], { until: today });
    edge.clock.advance(2 * DAY_MS);
    edge.origin.moderation.bans.clear(); // as the purge does
    owner = await edge.client.signIn(owner);
    assert.is((await add(owner, member.userId)).status, 201);
  });

  test('refuses what makes no sense', async () => {
    for (const body of [
      { userIds: [] },
      { userIds: [member.userId], until: '2020-01-01' },
      { userIds: [member.userId], statement: 'plain words' },
      { userIds: Array.from({ length: 51 }, () => randomId()) },
    ])
      assert.is((await call(moderator, 'POST', 'bans', body)).status, 400);
    assert.is((await ban(moderator, [moderator.userId])).json.code, 'conflict');
    assert.is((await role(owner, stranger.userId, 'moderator')).json.code, 'conflict');
  });

  test('two moderators at once both get through', async () => {
    const answers = await Promise.all([ban(owner, [member.userId]), remove(moderator, member.userId)]);
    assert.ok(answers.some(({ status }) => status === 200));
    assert.not(await mayEnter(member));
  });
});
