import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import { CHANNEL_INVITATIONS_MAX } from '../../shared/internal/channels.ts';
import { describe } from '../../shared/testing/suite.ts';
import { DOOR } from '../schemas.ts';
import type { Answer, SignedIn } from './client.ts';
import { createHarness, type Harness } from './harness.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

describe('Invitations to a channel', ({ test, beforeEach }) => {
  let edge: Harness;
  let owner: SignedIn;
  let guest: SignedIn;
  let channelId: string;
  beforeEach(async () => {
    edge = await createHarness();
    [owner, guest] = [await edge.client.join(), await edge.client.join()];
    channelId = await edge.client.createChannel(owner);
  });

  const call = (who: SignedIn, method: string, path: string, body?: object) =>
    edge.client.call(`/v1/channels/${channelId}/${path}`, {
      method,
      token: who.token,
      ...(body === undefined ? {} : { body }),
    });
  const invite = (who: SignedIn, more: object = {}) =>
    call(who, 'POST', 'invitations', { id: randomId(), uses: 1, lifeMs: HOUR_MS, ...more });
  const join = (who: SignedIn, invitation: string) => call(who, 'POST', 'join', { invitation });
  const mayEnter = async (who: SignedIn) => {
    const body = { channels: [channelId] };
    const { json } = await edge.client.call('/v1/connect', { token: who.token, body });
    return json.channels.length === 1;
  };
  const list = async () => (await call(owner, 'GET', 'invitations')).json.invitations;
  const refused = ({ status, json }: Answer) => {
    assert.equal([status, json.code, json.detail], [403, 'invitation_refused', undefined]);
  };

  test('let somebody in at once, whom nobody has added', async () => {
    const { status, json } = await invite(owner);
    assert.is(status, 201);
    assert.is(json.expiresInMs, HOUR_MS);
    assert.not(await mayEnter(guest));
    assert.is((await join(guest, json.invitation)).status, 200);
    assert.ok(await mayEnter(guest));
    edge.state.empty();
    assert.ok(await mayEnter(guest));
  });

  test('say nothing of who made them', async () => {
    const { json } = await invite(owner);
    const [, claims = ''] = json.invitation.split('.');
    const said = JSON.parse(Buffer.from(claims, 'base64url').toString());
    assert.equal(Object.keys(said).sort(), ['aud', 'channel', 'exp', 'iat', 'iss', 'jti', 'until', 'uses']);
    assert.not(JSON.stringify([...edge.origin.moderation.invitations]).includes(said.jti));
  });

  test('are made, listed and revoked in two trips at most, and used in two', async () => {
    const id = randomId();
    const { json } = await invite(owner, { id, uses: 2 });
    const acts: [() => Promise<Answer>, string[]][] = [
      [() => invite(owner), ['origin.changeInvitation', 'state.look']],
      [() => call(owner, 'GET', 'invitations'), ['origin.listInvitations', 'state.look']],
      [
        () => join(guest, json.invitation),
        ['origin.changeMembers', 'origin.read', 'state.drop', 'state.look', 'state.put'],
      ],
      [() => join(guest, json.invitation), ['origin.read', 'state.look']],
      [() => call(owner, 'DELETE', `invitations/${json.tag}`), ['origin.changeInvitation', 'state.look']],
    ];
    await mayEnter(owner);
    for (const [act, calls] of acts) {
      edge.trips.reset();
      assert.ok((await act()).status < 300);
      assert.equal([...edge.trips.calls].sort(), calls);
      assert.ok(edge.trips.turns <= 2);
    }
  });

  test('let in as many as they say; whoever is in already uses up nothing', async () => {
    const { json } = await invite(owner, { uses: 2 });
    for (let i = 0; i < 3; i += 1) assert.is((await join(guest, json.invitation)).status, 200);
    assert.equal((await list())[0].used, 1);
    assert.is((await join(owner, json.invitation)).status, 200);
    assert.is((await join(await edge.client.join(), json.invitation)).status, 200);
    refused(await join(await edge.client.join(), json.invitation));
    assert.equal(await list(), []);
    assert.is((await join(guest, json.invitation)).status, 200, 'a repeat after it is used up');
    assert.is((await call(owner, 'PUT', `members/${guest.userId}/role`, { role: 'moderator' })).status, 200);
  });

  test('are answered alike when used up, revoked, over, of another channel, altered, or for who is banned', async () => {
    const { json: usedUp } = await invite(owner);
    await join(guest, usedUp.invitation);
    const other = await edge.client.join();
    const { json: revoked } = await invite(owner);
    assert.is((await call(owner, 'DELETE', `invitations/${revoked.tag}`)).status, 200);
    assert.is((await call(owner, 'DELETE', `invitations/${revoked.tag}`)).status, 200, 'a repeat');
    const { json: good } = await invite(owner, { uses: 9 });
    const elsewhere = await edge.client.createChannel(owner);
    const { json: foreign } = await edge.client.call(`/v1/channels/${elsewhere}/invitations`, {
      token: owner.token,
      body: { id: randomId(), uses: 9, lifeMs: HOUR_MS },
    });
    const banned = await edge.client.join();
    await call(owner, 'POST', 'bans', { userIds: [banned.userId] });
    const altered = `${good.invitation.slice(0, -2)}${good.invitation.endsWith('AA') ? 'BB' : 'AA'}`;
    for (const invitation of [usedUp.invitation, revoked.invitation, foreign.invitation, altered])
      refused(await join(other, invitation));
    assert.not(await mayEnter(other), 'nor does a try leave anything behind');
    refused(await join(banned, good.invitation));
    edge.state.empty();
    refused(await join(banned, good.invitation));
    edge.origin.moderation.bans.clear();
    refused(await join(banned, good.invitation));
  });

  test('end when they say, to the second, and on the origin’s last day', async () => {
    const { json } = await invite(owner, { uses: 9 });
    edge.clock.advance(HOUR_MS - 1_000);
    guest = await edge.client.signIn(guest);
    assert.is((await join(guest, json.invitation)).status, 200);
    edge.clock.advance(1_000);
    refused(await join(await edge.client.join(), json.invitation));
    const { json: long } = await invite(await edge.client.signIn(owner), { lifeMs: 30 * DAY_MS });
    edge.clock.advance(30 * DAY_MS);
    refused(await join(await edge.client.join(), long.invitation));
  });

  test('are the owner’s and moderators’ to make, list and revoke; others and strangers are refused alike', async () => {
    const { json } = await invite(owner);
    await join(guest, json.invitation);
    for (const who of [guest, await edge.client.join()])
      for (const [method, path, body] of [
        ['POST', 'invitations', { id: randomId(), uses: 1, lifeMs: HOUR_MS }],
        ['GET', 'invitations'],
        ['DELETE', `invitations/${json.tag}`],
      ] as const)
        assert.is((await call(who, method, path, body)).json.code, 'forbidden');
    channelId = randomId();
    assert.is((await invite(owner)).json.code, 'forbidden');
  });

  test('have limits: uses, life, how many a channel has', async () => {
    for (const more of [
      { uses: 0 },
      { uses: 1_001 },
      { uses: 1.5 },
      { lifeMs: 59_999 },
      { lifeMs: 30 * DAY_MS + 1 },
    ])
      assert.is((await invite(owner, more)).status, 400);
    assert.is((await invite(owner, { uses: 1_000, lifeMs: 30 * DAY_MS })).status, 201);
    const id = randomId();
    assert.is((await invite(owner, { id })).status, 201);
    assert.is((await invite(owner, { id, uses: 5 })).status, 201, 'a repeat');
    assert.equal((await list()).map(({ uses }: { uses: number }) => uses).sort(), [1, 1_000]);
    for (let i = 2; i < CHANNEL_INVITATIONS_MAX; i += 1) {
      if (i % 25 === 0) edge.clock.advance(HOUR_MS);
      if (i % 25 === 0) owner = await edge.client.signIn(owner);
      assert.is((await invite(owner, { lifeMs: DAY_MS })).status, 201);
    }
    assert.is((await invite(owner)).json.code, 'conflict');
    await call(owner, 'DELETE', `invitations/${(await list())[0].tag}`);
    assert.is((await invite(owner)).status, 201);
  });

  test('that a repeat asked more of let in as many as the first said', async () => {
    const id = randomId();
    await invite(owner, { id, uses: 1 });
    const { json } = await invite(owner, { id, uses: 9 });
    assert.is((await join(guest, json.invitation)).status, 200);
    refused(await join(await edge.client.join(), json.invitation));
  });
});

describe('An open channel', ({ test, beforeEach }) => {
  let edge: Harness;
  let owner: SignedIn;
  let guest: SignedIn;
  let channelId: string;
  beforeEach(async () => {
    edge = await createHarness();
    [owner, guest] = [await edge.client.join(), await edge.client.join()];
    channelId = await edge.client.createChannel(owner);
  });

  const call = (who: SignedIn, method: string, path: string, body: object) =>
    edge.client.call(`/v1/channels/${channelId}/${path}`, { method, token: who.token, body });
  const setAccess = (who: SignedIn, access: string) => call(who, 'PUT', 'access', { access });
  const join = async (who: SignedIn) => {
    const { status, json } = await call(who, 'POST', 'join', { invitation: '' });
    return status === 200 ? 'in' : json.code;
  };

  test('lets in whoever knows its id, while it is open, in two trips', async () => {
    assert.is(await join(guest), 'invitation_refused');
    assert.is((await setAccess(owner, 'open')).status, 200);
    edge.trips.reset();
    assert.is(await join(guest), 'in');
    assert.is(edge.trips.turns, 2);
    assert.is((await setAccess(owner, 'invitation')).status, 200);
    assert.is(await join(await edge.client.join()), 'invitation_refused');
    assert.is(await join(guest), 'invitation_refused', 'members have joined already');
    const { json } = await edge.client.call('/v1/connect', {
      token: guest.token,
      body: { channels: [channelId] },
    });
    assert.is(json.channels.length, 1, 'and stay');
  });

  test('keeps out whoever is banned', async () => {
    await setAccess(owner, 'open');
    await call(owner, 'POST', 'bans', { userIds: [guest.userId] });
    assert.is(await join(guest), 'invitation_refused');
  });

  test('is opened and closed by its owner alone, and by nothing that passes for a user', async () => {
    await call(owner, 'POST', 'members', { userId: guest.userId });
    await call(owner, 'PUT', `members/${guest.userId}/role`, { role: 'moderator' });
    assert.is((await setAccess(guest, 'open')).json.code, 'forbidden');
    assert.is((await call(guest, 'POST', 'members', { userId: DOOR })).json.code, 'bad_request');
    assert.is((await call(guest, 'POST', 'bans', { userIds: [DOOR] })).json.code, 'bad_request');
    assert.is(await join(await edge.client.join()), 'invitation_refused');
  });

  test('stays closed when an origin brings back that it was open', async () => {
    await setAccess(owner, 'open');
    const opened = new Map(edge.origin.members);
    await setAccess(owner, 'invitation');
    for (const [tag, record] of opened) edge.origin.members.set(tag, record);
    assert.is(await join(guest), 'invitation_refused');
  });
});
