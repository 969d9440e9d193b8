import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import { describe } from '../../shared/testing/suite.ts';
import { createSigner, createVerifier, type Verified } from '../../shared/token.ts';
import { DAY_MS } from '../days.ts';
import type { Answer, SignedIn } from './client.ts';
import { createHarness, type Harness, NODES, PUBLIC_URL } from './harness.ts';

describe('POST /v1/connect', ({ test, beforeEach }) => {
  let edge: Harness;
  let alice: SignedIn;
  beforeEach(async () => {
    edge = await createHarness();
    alice = await edge.client.join();
    edge.trips.reset();
  });

  test('answers nodes, a ticket and the edge’s own socket', async () => {
    const { status, json } = await connect(alice);
    assert.is(status, 200);
    assert.equal(json.origins.map(({ url }: { url: string }) => url).sort(), [
      'wss://n1.example/v1/socket',
      'wss://n2.example/v1/socket',
      'wss://n3.example/v1/socket',
    ]);
    assert.is(json.socketUrl, 'wss://edge.example/v1/socket');
    assert.is(json.ticketExpiresInMs, 30_000);
    assert.is(json.grants, undefined);
    assert.is(json.grantsExpireInMs, undefined);
    assert.equal(json.channels, []);
    assert.equal(json.refused, []);
  });

  test('grants the caller’s channels in a bundle bound to the ticket’s session', async () => {
    const channelId = await edge.client.createChannel(alice);
    const { json } = await connect(alice, [channelId]);
    const { ticket, grants } = await verify(json);
    assert.is(grants.session, ticket.session);
    const [granted] = json.channels;
    const { right } = grants.grants[0] ?? {};
    assert.match(right ?? '', /^[A-Za-z0-9_-]{22}$/);
    assert.equal(grants.grants, [
      {
        channel: granted.channel,
        member: granted.member,
        verbs: ['subscribe', 'publish', 'presence'],
        generation: 1,
        right,
      },
    ]);
    assert.is(json.grantsExpireInMs, 600_000);
    assert.is(new Set([ticket.session, ticket.device, ticket.mailbox, ticket.sender, ticket.jti]).size, 5);
    const inside = JSON.stringify([ticket, grants]);
    for (const id of [channelId, alice.userId, alice.sessionId, alice.device.deviceId])
      assert.not.match(inside, id);
  });

  test('gives each call its own ticket', async () => {
    const [one, two] = await Promise.all([connect(alice), connect(alice)]);
    assert.is.not((await verify(one.json)).ticket.jti, (await verify(two.json)).ticket.jti);
  });

  test('names the account by one tag', async () => {
    const bob = await edge.client.join();
    const senderOf = async (who: SignedIn) => (await verify((await connect(who)).json)).ticket.sender;
    const today = await senderOf(alice);
    assert.match(today ?? '', /^[A-Za-z0-9_-]{22}$/);
    assert.is(await senderOf(alice), today);
    assert.is.not(await senderOf(bob), today);
  });

  test('refuses foreign and unknown channels alike, each on its own', async () => {
    const bob = await edge.client.join();
    const [mine, foreign, unknown] = [
      await edge.client.createChannel(alice),
      await edge.client.createChannel(bob),
      randomId(),
    ];
    const { status, json } = await connect(alice, [foreign, mine, unknown]);
    assert.is(status, 200);
    assert.equal(
      json.channels.map(({ channelId }: { channelId: string }) => channelId),
      [mine],
    );
    assert.equal(json.refused, [
      { channelId: foreign, code: 'not_a_member' },
      { channelId: unknown, code: 'not_a_member' },
    ]);
  });

  test('lets an added member in, under a tag of its own', async () => {
    const bob = await edge.client.join();
    const channelId = await edge.client.createChannel(alice);
    assert.is((await connect(bob, [channelId])).json.refused.length, 1);
    const added = await edge.client.call(`/v1/channels/${channelId}/members`, {
      token: alice.token,
      body: { userId: bob.userId },
    });
    const [a, b] = await Promise.all([connect(alice, [channelId]), connect(bob, [channelId])]);
    assert.is(a.json.channels[0].channel, b.json.channels[0].channel);
    assert.is(b.json.channels[0].member, added.json.member);
    assert.is.not(a.json.channels[0].member, b.json.channels[0].member);
  });

  test('takes one trip when warm, with the nodes known or not', async () => {
    const channelId = await edge.client.createChannel(alice);
    await connect(alice, [channelId]);
    edge.trips.reset();
    await connect(alice, [channelId]);
    assert.equal(edge.trips.calls, ['state.look']);
    edge.clock.advance(5_000);
    edge.trips.reset();
    await connect(alice, [channelId]);
    assert.equal(edge.trips.calls.toSorted(), ['origin.nodes', 'state.look']);
    assert.is(edge.trips.turns, 1);
  });

  test('takes one trip to the origin more when cold, for only what is unknown, and is warm then', async () => {
    const channels = await Promise.all([1, 2, 3].map(() => edge.client.createChannel(alice)));
    await connect(alice, channels.slice(0, 1));
    edge.trips.reset();
    assert.is((await connect(alice, channels)).json.channels.length, 3);
    assert.equal(edge.trips.calls, ['state.look', 'origin.read', 'state.put']);
    edge.trips.reset();
    await connect(alice, channels);
    assert.equal(edge.trips.calls, ['state.look']);
  });

  test('works after the state Redis has lost everything', async () => {
    const channelId = await edge.client.createChannel(alice);
    await connect(alice, [channelId]);
    edge.state.empty();
    assert.is((await connect(alice, [channelId])).json.channels.length, 1);
  });

  test('works when copies can be read but not kept', async () => {
    const channelId = await edge.client.createChannel(alice);
    edge.state.setPutDown(true);
    assert.is((await connect(alice, [channelId])).json.channels.length, 1);
    assert.ok(edge.logged.some(({ event }) => event === 'copies.not_kept'));
  });

  test('answers a channel that is asked for twice once', async () => {
    const channelId = await edge.client.createChannel(alice);
    assert.is((await connect(alice, [channelId, channelId])).json.channels.length, 1);
  });

  test('takes 100 channels and refuses 101', async () => {
    const ids = Array.from({ length: 101 }, () => randomId());
    assert.is((await connect(alice, ids.slice(0, 100))).json.refused.length, 100);
    assert.is((await connect(alice, ids)).json.code, 'bad_request');
  });

  test('keeps the order of nodes for a session', async () => {
    const [one, two] = [await connect(alice), await connect(alice)];
    assert.equal(one.json.origins, two.json.origins);
  });

  test('answers unavailable without a node that takes connections', async () => {
    edge.origin.nodeList = NODES.map((node) => ({ ...node, isDraining: true }));
    assert.is((await connect(alice)).json.code, 'unavailable');
  });

  for (const part of ['state', 'origin'] as const)
    test(`answers unavailable when the ${part} is away`, async () => {
      edge[part].setDown(true);
      assert.is((await connect(alice)).json.code, 'unavailable');
    });

  test('works warm while the origin is away, as long as its nodes are known', async () => {
    const channelId = await edge.client.createChannel(alice);
    await connect(alice, [channelId]);
    edge.origin.setDown(true);
    assert.is((await connect(alice, [channelId])).json.channels.length, 1);
  });

  test('ends with the session: idle, or gone from the origin', async () => {
    edge.state.empty();
    edge.origin.sessions.clear();
    const { status, json } = await connect(alice);
    assert.is(status, 401);
    assert.is(json.code, 'session_ended');
    const bob = await edge.client.join();
    edge.clock.advance(31 * DAY_MS);
    const late = await tokenOf(bob);
    assert.is((await connect({ ...bob, token: late })).json.code, 'session_ended');
  });

  test('passes its request id on to the origin', async () => {
    const { headers } = await connect(alice);
    assert.is(edge.origin.requestIds.at(-1), headers.get('x-request-id'));
  });

  function connect(who: SignedIn, channels: readonly string[] = []): Promise<Answer> {
    return edge.client.call('/v1/connect', { token: who.token, body: { channels } });
  }
  async function verify(
    json: Answer['json'],
  ): Promise<{ ticket: Verified<'ticket'>; grants: Verified<'grants'> }> {
    const keys = (await edge.client.call('/.well-known/jwks.json')).json;
    const verifier = createVerifier(PUBLIC_URL, keys);
    const ticket = await verifier.verify('ticket', json.ticket, edge.clock.now());
    const grants = await verifier.verify('grants', json.grants ?? json.ticket, edge.clock.now());
    if (typeof ticket === 'string') throw new Error(`The ticket is ${ticket}`);
    return { ticket, grants: grants as Verified<'grants'> };
  }
  async function tokenOf({ userId, device, sessionId }: SignedIn): Promise<string> {
    const signer = await createSigner(PUBLIC_URL, edge.config.signingKeys.reveal());
    return signer.sign('access', { sub: userId, device: device.deviceId, sid: sessionId }, edge.clock.now());
  }
});
