import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import { randomId, toBase64Url, utf8 } from '../../shared/bytes.ts';
import { until } from '../../shared/testing/expect.ts';
import type { Suite } from '../../shared/testing/suite.ts';
import type { Answer, Client, SignedIn } from './client.ts';

/** The whole way of a client: sign up, sign in, channels, connect, and messages through the edge's own socket. */
export function wayContract({ test }: Suite, client: () => Client): void {
  for (const algorithm of ['ES256', 'Ed25519'] as const)
    test(`signs up, signs in and renews a device with an ${algorithm} key`, async () => {
      const alice = await client().join(algorithm);
      const { status, json } = await client().renew(alice);
      assert.is(status, 200);
      assert.is(json.sessionId, alice.sessionId);
    });

  test('carries a message between two members on two nodes, through its own socket', async () => {
    const [alice, bob] = await Promise.all([client().join(), client().join()]);
    const channelId = await client().createChannel(alice);
    await addMember(client(), alice, { channelId, userId: bob.userId });
    const sockets = await Promise.all([
      openSocket(client(), alice, { channelId, index: 0 }),
      openSocket(client(), bob, { channelId, index: 1 }),
    ]);
    const [a, b] = sockets;
    assert.is.not(a.welcome.node, b.welcome.node);
    const { channel } = a.granted;
    for (const { socket, grants } of sockets)
      socket.send(JSON.stringify({ type: 'subscribe', ref: 1, grants, channels: [{ channel }] }));
    await until(() => sockets.every(({ frames }) => frames.some(({ ref }) => ref === 1)), {
      what: 'subscriptions',
    });
    a.socket.send(
      JSON.stringify({ type: 'publish', ref: 2, channel, id: randomId(), data: toBase64Url(utf8('hi')) }),
    );
    const got = await until(() => b.frames.find(({ type }) => type === 'publication'), {
      what: 'the publication',
    });
    assert.is(got.from, a.granted.member);
    assert.is(got.data, toBase64Url(utf8('hi')));
    for (const { socket } of sockets) socket.terminate();
  });

  test('lets a ticket be used once', async () => {
    const alice = await client().join();
    const { json } = await connect(client(), alice);
    const first = await openWith(json);
    assert.is(first.frames[0]?.type, 'welcome');
    const second = await openWith(json);
    assert.is(second.closed, 4403);
    first.socket.terminate();
  });

  test('refuses channels of others, one by one', async () => {
    const [alice, bob] = await Promise.all([client().join(), client().join()]);
    const [mine, foreign] = [await client().createChannel(alice), await client().createChannel(bob)];
    const { json } = await connect(client(), alice, [mine, foreign, randomId()]);
    assert.equal(
      json.channels.map((item: { channelId: string }) => item.channelId),
      [mine],
    );
    assert.is(json.refused.length, 2);
    assert.is(
      (await addMember(client(), bob, { channelId: mine, userId: bob.userId })).json.code,
      'forbidden',
    );
    const taken = await client().call('/v1/channels', { token: bob.token, body: { channelId: mine } });
    assert.is(taken.json.code, 'conflict');
  });

  test('tells how it is', async () => {
    for (const path of ['/livez', '/readyz'])
      assert.equal((await client().call(path)).json, { status: 'ok' });
    const { json } = await client().call('/healthz');
    assert.is(json.status, 'ok');
    assert.is(json.origin.nodes, 2);
  });

  test('publishes its public keys, and only these', async () => {
    const { json } = await client().call('/.well-known/jwks.json');
    assert.is(json.keys.length, 1);
    assert.equal(Object.keys(json.keys[0]).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x']);
  });
}

function connect(client: Client, who: SignedIn, channels: readonly string[] = []): Promise<Answer> {
  return client.call('/v1/connect', { token: who.token, body: { channels } });
}

function addMember(
  client: Client,
  owner: SignedIn,
  { channelId, userId }: { channelId: string; userId: string },
): Promise<Answer> {
  return client.call(`/v1/channels/${channelId}/members`, { token: owner.token, body: { userId } });
}

// biome-ignore lint/suspicious/noExplicitAny: frames of many types; tests look at single fields.
type Frame = any;

/** A socket through the edge: its frames so far, or the code it was closed with at once. */
async function openWith(admission: Answer['json'], node?: string) {
  const url = node === undefined ? admission.socketUrl : `${admission.socketUrl}?node=${node}`;
  const socket = new WebSocket(url, ['hushwire.v1', `hushwire.ticket.${admission.ticket}`]);
  const frames: Frame[] = [];
  let closed: number | undefined;
  socket.on('message', (data: Buffer) => void frames.push(JSON.parse(String(data))));
  socket.on('close', (code: number) => {
    closed = code;
  });
  await until(() => frames.length > 0 || closed !== undefined, { what: 'a welcome or a close' });
  return { socket, frames, closed };
}

/** Connects to a channel by way of the edge, on the node with this number in the alphabet. */
async function openSocket(
  client: Client,
  who: SignedIn,
  { channelId, index }: { channelId: string; index: number },
) {
  const { json } = await connect(client, who, [channelId]);
  const nodes = json.origins.map(({ node }: { node: string }) => node).sort();
  const { socket, frames } = await openWith(json, nodes[index]);
  assert.is(frames[0].type, 'welcome');
  assert.is(frames[0].node, nodes[index]);
  return { socket, frames, welcome: frames[0], granted: json.channels[0], grants: json.grants as string };
}
