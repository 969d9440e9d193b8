import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import { describe } from '../../shared/testing/suite.ts';
import type { SignedIn } from './client.ts';
import { type RealStores, startRealStores } from './real-stores.ts';

const GUESTS = 50;
const USES = 7;
const HOUR_MS = 3_600_000;

describe('Invitations to a channel, over real stores', ({ test, needs, before, after }) => {
  needs('redis-server');
  let stores: RealStores;
  let owner: SignedIn;
  let guests: readonly SignedIn[];
  before(async () => {
    stores = await startRealStores();
    owner = await stores.client.join();
    guests = await Promise.all(Array.from({ length: GUESTS }, () => stores.client.join()));
  });
  after(async () => {
    await stores?.stop();
  });

  const invite = async (channelId: string, uses: number) => {
    const body = { id: randomId(), uses, lifeMs: HOUR_MS };
    const path = `/v1/channels/${channelId}/invitations`;
    return (await stores.client.call(path, { token: owner.token, body })).json;
  };
  const join = async ({ token }: SignedIn, channelId: string, invitation: string) => {
    const { status, json } = await stores.client.call(`/v1/channels/${channelId}/join`, {
      token,
      body: { invitation },
    });
    return status === 200 ? 'in' : json.code;
  };
  const used = async (channelId: string) => {
    const path = `/v1/channels/${channelId}/invitations`;
    const { json } = await stores.client.call(path, { token: owner.token });
    return json.invitations.map((one: { used: number }) => one.used);
  };
  const isIn = async ({ token }: SignedIn, channelId: string) => {
    const { json } = await stores.client.call('/v1/connect', { token, body: { channels: [channelId] } });
    return json.channels.length === 1;
  };

  test('of 50 at once, each trying twice, exactly as many get in as it says, and stay in', async () => {
    const channelId = await stores.client.createChannel(owner);
    const { invitation } = await invite(channelId, USES);
    const tries = await Promise.all(
      [...guests, ...guests].map((guest) => join(guest, channelId, invitation)),
    );
    const members: SignedIn[] = [];
    for (const [i, guest] of guests.entries()) {
      const isMember = await isIn(guest, channelId);
      if (isMember) members.push(guest);
      const [first, second] = [tries[i], tries[i + GUESTS]];
      if (!isMember) assert.equal([first, second], ['invitation_refused', 'invitation_refused']);
      else assert.ok(first === 'in' || second === 'in');
    }
    assert.is(members.length, USES);
    assert.equal(await used(channelId), []);
    await stores.redis.flushall();
    for (const guest of members) assert.is(await join(guest, channelId, invitation), 'in', 'a repeat');
  });

  test('counts each member once, and no one after it is revoked', async () => {
    const channelId = await stores.client.createChannel(owner);
    const { invitation, tag } = await invite(channelId, USES);
    const [one, two, three] = guests;
    if (one === undefined || two === undefined || three === undefined) throw new TypeError('No guests');
    for (const guest of [one, one, two, one]) assert.is(await join(guest, channelId, invitation), 'in');
    assert.equal(await used(channelId), [2]);
    const path = `/v1/channels/${channelId}/invitations/${tag}`;
    await stores.client.call(path, { method: 'DELETE', token: owner.token });
    assert.is(await join(three, channelId, invitation), 'invitation_refused');
    assert.not(await isIn(three, channelId));
    assert.is(await join(two, channelId, invitation), 'in');
  });

  test('lets nobody in who is banned, and leaves no membership behind', async () => {
    const channelId = await stores.client.createChannel(owner);
    const { invitation } = await invite(channelId, USES);
    const [banned] = guests;
    if (banned === undefined) throw new TypeError('No guests');
    const body = { userIds: [banned.userId] };
    await stores.client.call(`/v1/channels/${channelId}/bans`, { token: owner.token, body });
    for (const _ of [1, 2]) {
      assert.is(await join(banned, channelId, invitation), 'invitation_refused');
      assert.not(await isIn(banned, channelId));
      await stores.redis.flushall();
    }
    assert.equal(await used(channelId), [0]);
  });
}, 30_000);
