import * as assert from 'uvu/assert';
import { until } from '../../shared/testing/expect.ts';
import type { Suite } from '../../shared/testing/suite.ts';
import { openRaw, upgradeRequest } from './raw-client.ts';
import { ALLOWED_ORIGIN, nodeAt, type RelayUnderTest, refuse } from './relay-kit.ts';
import { type StubNode, startStubNode } from './stub-node.ts';

/** Who gets to know what, when, and which node is asked. */
export function handshakes({ test, beforeEach, afterEach }: Suite, relay: () => RelayUnderTest): void {
  let node: StubNode;
  let other: StubNode;
  beforeEach(async () => {
    [node, other] = await Promise.all([startStubNode(), startStubNode()]);
    await relay().setNodes([nodeAt('n1', node.url)]);
  });
  afterEach(() => Promise.all([node.stop(), other.stop()]));

  test('tells the node only what it needs to know', async () => {
    const headers = {
      Authorization: 'Bearer secret',
      Cookie: 'a=b',
      'X-Forwarded-For': '1.2.3.4',
      Forwarded: 'for=1.2.3.4',
      'User-Agent': 'agent',
      'X-Request-Id': 'mine',
      Origin: ALLOWED_ORIGIN,
      Referer: 'https://chat.example/secret',
    };
    const client = await openRaw(relay().port, upgradeRequest({ headers }));
    const { head, socket } = await node.next();
    const [line, ...lines] = head.split('\r\n');
    assert.is(line, 'GET /v1/socket HTTP/1.1');
    const names = lines.map((text) => text.split(':')[0]);
    assert.equal(names.sort(), [
      'connection',
      'host',
      'origin',
      'sec-websocket-key',
      'sec-websocket-protocol',
      'sec-websocket-version',
      'upgrade',
      'x-request-id',
    ]);
    assert.match(head, `host: 127.0.0.1:${node.port}`);
    assert.match(head, /x-request-id: [A-Za-z0-9_-]{22}/);
    socket.destroy();
    client.socket.destroy();
  });

  test('tells the client only what it needs to know', async () => {
    const client = await openRaw(relay().port, upgradeRequest());
    const connection = await node.next();
    connection.admit(undefined, ['Sec-WebSocket-Protocol: hushwire.v1', 'Server: secret', 'Set-Cookie: a=b']);
    const { status, headers } = await client.answer();
    assert.is(status, 101);
    assert.equal(Object.keys(headers).sort(), [
      'connection',
      'sec-websocket-accept',
      'sec-websocket-protocol',
      'upgrade',
      'x-request-id',
    ]);
    assert.match(connection.head, `x-request-id: ${headers['x-request-id']}`);
    client.socket.destroy();
  });

  test('joins subprotocols that came in several headers', async () => {
    const more = ['Sec-WebSocket-Protocol: hushwire.ticket.d.e.f'];
    const client = await openRaw(
      relay().port,
      upgradeRequest({ headers: { 'Sec-WebSocket-Protocol': 'hushwire.v1,x' }, more }),
    );
    assert.match((await node.next()).head, 'sec-websocket-protocol: hushwire.v1,x, hushwire.ticket.d.e.f');
    client.socket.destroy();
  });

  test('keeps back what the client sends until the node has admitted it', async () => {
    const client = await openRaw(relay().port, `${upgradeRequest()}early`);
    const connection = await node.next();
    client.socket.write(' and more');
    await roundTrip(relay().port);
    assert.is(connection.received().length, 0);
    connection.admit();
    await until(() => String(connection.received()) === 'early and more', { what: 'what was kept back' });
    client.socket.destroy();
  });

  test('gives the client what the node sends right behind its answer', async () => {
    const client = await openRaw(relay().port, upgradeRequest());
    (await node.next()).admit(Buffer.from('first frame'));
    await until(() => String(client.received()).endsWith('\r\n\r\nfirst frame'), { what: 'the first frame' });
    client.socket.destroy();
  });

  test('never lets a refused client reach the node', async () => {
    const evil = 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n';
    const client = await openRaw(relay().port, `${upgradeRequest()}${evil}`);
    const connection = await node.next();
    connection.socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
    assert.is((await client.answer()).status, 503);
    client.socket.write(evil);
    await client.ended;
    assert.is(connection.received().length, 0);
    client.socket.destroy();
  });

  test('prefers the node that was asked for, if there is one', async () => {
    await relay().setNodes([nodeAt('n1', node.url), nodeAt('n2', other.url)]);
    for (const [hint, wanted] of [
      ['n1', node],
      ['n2', other],
      ['n1', node],
      ['n2', other],
    ] as const) {
      const client = await openRaw(
        relay().port,
        upgradeRequest({ line: `GET /v1/socket?node=${hint} HTTP/1.1` }),
      );
      (await wanted.next()).admit();
      assert.is((await client.answer()).status, 101);
      client.socket.destroy();
    }
    const client = await openRaw(relay().port, upgradeRequest({ line: 'GET /v1/socket?node=n9 HTTP/1.1' }));
    await until(() => node.connections.length + other.connections.length === 5, { what: 'any node' });
    client.socket.destroy();
  });

  test('passes by a node that cannot be reached', async () => {
    await node.stop();
    await relay().setNodes([nodeAt('n1', node.url), nodeAt('n2', other.url)]);
    for (const hint of ['n1', 'n2', 'n1']) {
      const client = await openRaw(
        relay().port,
        upgradeRequest({ line: `GET /v1/socket?node=${hint} HTTP/1.1` }),
      );
      (await other.next()).admit();
      assert.is((await client.answer()).status, 101);
      client.socket.destroy();
    }
    node = await startStubNode();
  });

  test('passes by a node that says it is draining', async () => {
    await relay().setNodes([nodeAt('n1', node.url), nodeAt('n2', other.url)]);
    const client = await openRaw(relay().port, upgradeRequest({ line: 'GET /v1/socket?node=n1 HTTP/1.1' }));
    refuse(await node.next(), 503, 'server_draining');
    (await other.next()).admit();
    assert.is((await client.answer()).status, 101);
    client.socket.destroy();
  });
}

/** A request to the edge that takes longer than a byte to its node would: whatever was on its way has arrived. */
async function roundTrip(port: number): Promise<void> {
  for (let i = 0; i < 3; i += 1) await (await fetch(`http://127.0.0.1:${port}/livez`)).text();
}
