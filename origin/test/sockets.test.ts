import { randomBytes } from 'node:crypto';
import { connect as connectTcp } from 'node:net';
import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import type { AnswerFrame } from '../../shared/frame.ts';
import { LIMITS } from '../../shared/limits.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { WireClient } from '../../shared/testing/wire-client.ts';
import { createSigner, type JWK } from '../../shared/token.ts';
import {
  connect,
  createPerson,
  grantsFor,
  type Nodes,
  startNodes,
  ticketFor,
  urlOf,
  WEB_ORIGIN,
} from './fixture.ts';

describe('origin sockets', ({ test, before, after, afterEach }) => {
  let nodes: Nodes;
  let witness: WireClient;
  before(async () => {
    nodes = await startNodes(2);
    witness = await connect(nodes, 0);
  });
  after(() => nodes.stop());
  afterEach(async () => {
    // Whatever a client did, the node lives and nobody else notices.
    assert.is((await witness.command({ type: 'ping' })).type, 'pong');
  });

  const closesWith = async (client: WireClient, code: number, reason: string) =>
    assert.equal(await client.closed, { code, reason });

  test('welcome names the node and the limits, and only the protocol is echoed', async () => {
    const client = await connect(nodes, 1);
    const { node, limits } = await client.nextOf('welcome');
    assert.is(node, 'n2');
    assert.is(limits.dataBytes, LIMITS.dataBytes);
    assert.is(client.socket.protocol, 'hushwire.v1');
  });

  test('an upgrade without the protocol is refused before it happens', async () => {
    const { status, body } = await WireClient.refusal(urlOf(nodes, 0), { protocols: ['other'] });
    assert.is(status, 400);
    assert.is(JSON.parse(body).code, 'protocol_unsupported');
  });

  test('a foreign web origin is refused, the allowed one is not', async () => {
    const { status, body } = await WireClient.refusal(urlOf(nodes, 0), { webOrigin: 'https://evil.test' });
    assert.equal([status, JSON.parse(body).code], [403, 'origin_not_allowed']);
    const ticket = await ticketFor(nodes, createPerson());
    const client = new WireClient(urlOf(nodes, 0), { ticket, webOrigin: WEB_ORIGIN });
    await client.nextOf('welcome');
  });

  test('another path is not found, the socket path without an upgrade asks for one', async () => {
    const base = (nodes.nodes[0]?.url ?? '').replace('ws:', 'http:');
    const [other, plain] = await Promise.all([fetch(`${base}/other`), fetch(`${base}/v1/socket`)]);
    assert.equal([other.status, plain.status], [404, 426]);
    assert.is(((await plain.json()) as { code: string }).code, 'upgrade_required');
  });

  test('no ticket is refused', async () => {
    await closesWith(new WireClient(urlOf(nodes, 0)), 4401, 'ticket_refused');
  });

  test('a ticket of a foreign key is refused', async () => {
    const stranger = await createSigner('https://edge.test', [await privateKey()]);
    const ticket = await stranger.sign(
      'ticket',
      { ...createPerson(), jti: randomId(), mailbox: randomId() },
      Date.now(),
    );
    await closesWith(new WireClient(urlOf(nodes, 0), { ticket }), 4401, 'ticket_refused');
  });

  test('another kind of token is no ticket', async () => {
    const ticket = await grantsFor(nodes, createPerson(), [randomId()]);
    await closesWith(new WireClient(urlOf(nodes, 0), { ticket }), 4401, 'ticket_refused');
  });

  test('an expired ticket is told so', async () => {
    const ticket = await ticketFor(nodes, createPerson(), Date.now() - 40_000);
    await closesWith(new WireClient(urlOf(nodes, 0), { ticket }), 4402, 'ticket_expired');
  });

  test('a ticket works once, on whichever node', async () => {
    const ticket = await ticketFor(nodes, createPerson());
    const first = new WireClient(urlOf(nodes, 0), { ticket });
    await first.nextOf('welcome');
    await closesWith(new WireClient(urlOf(nodes, 1), { ticket }), 4403, 'ticket_used');
  });

  test('of 20 parallel uses of one ticket exactly one is admitted', async () => {
    const ticket = await ticketFor(nodes, createPerson());
    const clients = Array.from({ length: 20 }, (_, i) => new WireClient(urlOf(nodes, i % 2), { ticket }));
    await until(() => clients.filter((c) => c.frames.length > 0 || c.socket.readyState === 3).length === 20, {
      what: 'all verdicts',
    });
    assert.is(clients.filter((client) => client.frames.some(({ type }) => type === 'welcome')).length, 1);
  });

  test('broken JSON, binary frames and frames without a ref end the connection', async () => {
    for (const data of ['{', '[]', '"x"', '{"type":"ping"}', randomBytes(8)]) {
      const client = await connect(nodes, 0);
      client.sendRaw(data);
      await closesWith(client, 4500, 'bad_frame');
    }
  });

  test('invalid UTF-8 in a text frame ends the connection', async () => {
    const client = await connect(nodes, 0);
    client.socket.send(Buffer.from([0x22, 0xff, 0xfe, 0x22]), { binary: false });
    await client.closed;
  });

  test('a frame over the limit ends with 1009, a far larger one is cut', async () => {
    const client = await connect(nodes, 0);
    client.sendRaw('x'.repeat(LIMITS.frameBytes + 1));
    await closesWith(client, 1009, 'frame_too_large');
    const huge = await connect(nodes, 0);
    huge.sendRaw('x'.repeat(4 * LIMITS.frameBytes));
    await huge.closed;
  });

  test('a malformed command with a ref is answered and the connection stays', async () => {
    const client = await connect(nodes, 0);
    client.sendRaw('{"type":"publish","ref":7,"channel":"x","id":"y","data":"z"}');
    const failed = await client.nextOf('failed');
    assert.equal([failed.ref, failed.code], [7, 'bad_frame']);
    assert.is((await client.command({ type: 'ping' })).type, 'pong');
  });

  test('publish and subscribe without a grant, with a foreign and with an expired one are refused', async () => {
    const person = createPerson();
    const client = await connect(nodes, 0, person);
    const channel = randomId();
    const publish = () => client.command({ type: 'publish', channel, id: randomId(), data: 'eA' });
    const subscribe = (grants?: string) =>
      client.command({
        type: 'subscribe',
        channels: [{ channel }],
        ...(grants === undefined ? {} : { grants }),
      });
    assert.is(codeOf(await publish()), 'grant_required');
    assert.is(codeOf(await subscribe()), 'grant_required');
    assert.is(codeOf(await subscribe(await grantsFor(nodes, createPerson(), [channel]))), 'grant_refused');
    const old = await grantsFor(nodes, person, [channel], { nowMs: Date.now() - 700_000 });
    assert.is(codeOf(await subscribe(old)), 'grant_expired');
    const readOnly = await grantsFor(nodes, person, [channel], { verbs: ['subscribe'] });
    assert.is(codeOf(await subscribe(readOnly)), undefined);
    assert.is(codeOf(await publish()), 'verb_not_granted');
  });

  test('a grant of an older generation does not replace a newer one', async () => {
    const person = createPerson();
    const client = await connect(nodes, 0, person);
    const channel = randomId();
    const bundle = (generation: number) => grantsFor(nodes, person, [channel], { generation });
    assert.is(
      codeOf(await client.command({ type: 'subscribe', grants: await bundle(2), channels: [{ channel }] })),
      undefined,
    );
    const answer = await client.command({
      type: 'refresh',
      ticket: await ticketFor(nodes, person),
      grants: await bundle(1),
    });
    assert.is(codeOf(answer), 'grant_refused');
  });

  test('refresh takes a ticket of the same session and device only', async () => {
    const person = createPerson();
    const client = await connect(nodes, 0, person);
    const refresh = async (who: typeof person) =>
      codeOf(await client.command({ type: 'refresh', ticket: await ticketFor(nodes, who) }));
    assert.is(await refresh(person), undefined);
    assert.is(await refresh({ ...person, device: randomId() }), 'ticket_refused');
    assert.is(await refresh({ ...person, session: randomId() }), 'ticket_refused');
  });

  test('the end of a grant ends its subscription and says so', async () => {
    const person = createPerson();
    const client = await connect(nodes, 0, person);
    const channel = randomId();
    // Made so long ago that two seconds are left of its ten minutes.
    const grants = await grantsFor(nodes, person, [channel], { nowMs: Date.now() - 598_000 });
    assert.is(
      codeOf(await client.command({ type: 'subscribe', grants, channels: [{ channel }] })),
      undefined,
    );
    const revoked = await client.nextOf('revoked');
    assert.equal(revoked, { type: 'revoked', channel, code: 'grant_expired' });
  });

  test('a publication crosses to the other node, stamped with the sender from the grant', async () => {
    const channel = randomId();
    const [alice, bob] = [createPerson(), createPerson()];
    const member = randomId();
    const [a, b] = [await connect(nodes, 0, alice), await connect(nodes, 1, bob)];
    await b.command({
      type: 'subscribe',
      grants: await grantsFor(nodes, bob, [channel]),
      channels: [{ channel }],
    });
    const grants = await grantsFor(nodes, alice, [channel], { members: { [channel]: member } });
    await a.command({ type: 'subscribe', grants, channels: [{ channel }] });
    const id = randomId();
    const answer = await a.command({ type: 'publish', channel, id, data: 'c2VjcmV0' });
    const publication = await b.nextOf('publication');
    assert.ok(answer.type === 'ok' && 'position' in answer);
    const { epoch, offset } = answer.position;
    assert.equal(publication, {
      type: 'publication',
      epoch,
      offset,
      channel,
      id,
      from: member,
      data: 'c2VjcmV0',
    });
    assert.equal((await a.nextOf('publication')).from, member);
  });

  test('a retry with the same id is answered alike and delivered once', async () => {
    const channel = randomId();
    const person = createPerson();
    const client = await connect(nodes, 0, person);
    await client.command({
      type: 'subscribe',
      grants: await grantsFor(nodes, person, [channel]),
      channels: [{ channel }],
    });
    const id = randomId();
    const first = await client.command({ type: 'publish', channel, id, data: 'eA' });
    const second = await client.command({ type: 'publish', channel, id, data: 'eA' });
    await client.command({ type: 'publish', channel, id: randomId(), data: 'eQ' });
    assert.ok(first.type === 'ok' && 'position' in first);
    assert.ok(second.type === 'ok' && 'position' in second);
    assert.equal([second.position, second.duplicate], [first.position, true]);
    await until(() => client.framesOf('publication').some(({ data }) => data === 'eQ'), {
      what: 'the last one',
    });
    assert.is(client.framesOf('publication').length, 2);
  });

  test('a client that was cut off gets exactly what it missed, in order, on another node', async () => {
    const channel = randomId();
    const [alice, bob] = [createPerson(), createPerson()];
    const [a, b] = [await connect(nodes, 0, alice), await connect(nodes, 0, bob)];
    const bobGrants = () => grantsFor(nodes, bob, [channel]);
    await a.command({
      type: 'subscribe',
      grants: await grantsFor(nodes, alice, [channel]),
      channels: [{ channel }],
    });
    await b.command({ type: 'subscribe', grants: await bobGrants(), channels: [{ channel }] });
    const say = (data: string) => a.command({ type: 'publish', channel, id: randomId(), data });
    await say('AAAA');
    const last = await b.nextOf('publication');
    b.cut();
    const missed = Array.from({ length: 300 }, (_, i) => `m${String(i).padStart(3, '0')}`);
    await Promise.all(missed.slice(0, 200).map(say));
    await Promise.all(missed.slice(200).map(say));
    const back = await connect(nodes, 1, bob);
    const position = { epoch: last.epoch, offset: last.offset };
    await back.command({ type: 'subscribe', grants: await bobGrants(), channels: [{ channel, position }] });
    assert.equal(
      back.framesOf('publication').map(({ data }) => data),
      missed,
    );
  });

  test('one subscribe of many channels gives one verdict for each', async () => {
    const person = createPerson();
    const client = await connect(nodes, 0, person);
    const channels = Array.from({ length: 100 }, () => randomId());
    const grants = await grantsFor(nodes, person, channels.slice(0, 99));
    const answer = await client.command({
      type: 'subscribe',
      grants,
      channels: channels.map((channel) => ({ channel })),
    });
    assert.ok('channels' in answer);
    assert.is(answer.channels.filter((item) => 'position' in item).length, 99);
    assert.is(codeOf({ ...answer, channels: answer.channels.slice(99) }), 'grant_required');
  });

  test('unsubscribe ends delivery and the channel can be subscribed again', async () => {
    const person = createPerson();
    const client = await connect(nodes, 0, person);
    const channel = randomId();
    const grants = await grantsFor(nodes, person, [channel]);
    await client.command({ type: 'subscribe', grants, channels: [{ channel }] });
    await client.command({ type: 'unsubscribe', channels: [channel] });
    await client.command({ type: 'publish', channel, id: randomId(), data: 'eA' });
    const again = await client.command({ type: 'subscribe', channels: [{ channel }] });
    await client.command({ type: 'publish', channel, id: randomId(), data: 'eQ' });
    await client.nextOf('publication');
    assert.equal(
      client.framesOf('publication').map(({ data }) => data),
      ['eQ'],
    );
    assert.ok('channels' in again);
  });

  test('a peer that opens TCP and says nothing is dropped and harms nobody', async () => {
    const { port, hostname } = new URL(nodes.nodes[0]?.url ?? '');
    const socket = connectTcp(Number(port), hostname);
    await until(new Promise((resolve) => socket.once('connect', resolve)), { what: 'the connection' });
    socket.write('GET /v1/socket HTTP/1.1\r\nHost: x\r\n');
    socket.destroy();
  });
}, 20_000);

/** The failure code of an answer, or of its first channel; undefined when it went well. */
function codeOf(answer: AnswerFrame): string | undefined {
  if ('code' in answer) return answer.code;
  const item = 'channels' in answer ? answer.channels[0] : undefined;
  return item !== undefined && 'code' in item ? item.code : undefined;
}

async function privateKey(): Promise<JWK> {
  const pair = (await crypto.subtle.generateKey({ name: 'Ed25519' }, true, [
    'sign',
    'verify',
  ])) as CryptoKeyPair;
  return {
    ...((await crypto.subtle.exportKey('jwk', pair.privateKey)) as JWK),
    kid: 'stranger',
    alg: 'Ed25519',
  };
}
