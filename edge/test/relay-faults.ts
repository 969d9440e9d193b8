import { once } from 'node:events';
import type { Socket } from 'node:net';
import * as assert from 'uvu/assert';
import { until } from '../../shared/testing/expect.ts';
import type { Suite } from '../../shared/testing/suite.ts';
import { openRaw, upgradeRequest } from './raw-client.ts';
import { nodeAt, type RelayUnderTest } from './relay-kit.ts';
import { type StubNode, startStubNode } from './stub-node.ts';

/** Nodes that misbehave, sides that break off, sides that do not read. */
export function faults({ test, beforeEach, afterEach }: Suite, relay: () => RelayUnderTest): void {
  let node: StubNode;
  beforeEach(async () => {
    node = await startStubNode();
    await relay().setNodes([nodeAt('n1', node.url)]);
  });
  afterEach(() => node.stop());

  const strange: readonly [string, (socket: Socket) => unknown][] = [
    ['never answers', () => undefined],
    ['ends without an answer', (socket) => socket.end()],
    ['breaks off', (socket) => socket.resetAndDestroy()],
    ['breaks off within its answer', (socket) => socket.end('HTTP/1.1 101 Switch')],
    ['answers no HTTP', (socket) => socket.end('SSH-2.0-OpenSSH\r\n\r\n')],
    ['answers a head without end', (socket) => socket.write(`HTTP/1.1 101 OK\r\nX: ${'x'.repeat(20_000)}`)],
    [
      'answers a body without end',
      (socket) => socket.write(`HTTP/1.1 403 No\r\nContent-Length: 999999\r\n\r\n${'x'.repeat(20_000)}`),
    ],
    [
      'answers a header that breaks lines',
      (socket) => socket.write('HTTP/1.1 101 OK\r\nSec-WebSocket-Accept: a\rb\r\n\r\n'),
    ],
  ];
  for (const [what, behave] of strange)
    test(`answers unavailable when the node ${what}`, async () => {
      const client = await openRaw(relay().port, upgradeRequest());
      behave((await node.next()).socket);
      const answer = await client.answer();
      assert.is(answer.status, 503);
      assert.is(answer.json.code, 'unavailable');
      await client.ended;
      client.socket.destroy();
    });

  test('lets go of the node when the client goes away', async () => {
    const client = await openRaw(relay().port, upgradeRequest());
    const { socket, admit } = await node.next();
    admit();
    await client.answer();
    const ended = once(socket, 'end');
    client.socket.resetAndDestroy();
    await ended;
  });

  test('passes on a half-close, and what still comes from the other side', async () => {
    const client = await openRaw(relay().port, upgradeRequest());
    const connection = await node.next();
    connection.admit();
    await client.answer();
    const ended = once(connection.socket, 'end');
    client.socket.end('last words');
    await ended;
    assert.is(String(connection.received()), 'last words');
    connection.socket.end('farewell');
    await client.ended;
    assert.ok(String(client.received()).endsWith('farewell'));
  });

  test('does not take in more than the other side takes', async () => {
    const client = await openRaw(relay().port, upgradeRequest());
    const connection = await node.next();
    connection.admit();
    await client.answer();
    for (const [from, to] of [
      [connection.socket, client.socket],
      [client.socket, connection.socket],
    ] as const) {
      to.pause();
      const sent = await fill(from);
      assert.ok(sent < 48 * 1024 * 1024, `took ${sent} bytes`);
      to.resume();
      await until(() => from.writableLength === 0, { what: 'the rest' });
    }
    client.socket.destroy();
  });
}

/** Writes until nothing is taken any more; gives back how many bytes were. */
async function fill(socket: Socket): Promise<number> {
  const chunk = Buffer.alloc(64 * 1024, 'x');
  const start = socket.bytesWritten - socket.writableLength;
  let last = -1;
  for (let still = 0; still < 20; ) {
    while (socket.writableLength < 4 * 1024 * 1024) socket.write(chunk);
    const taken = socket.bytesWritten - socket.writableLength - start;
    still = taken === last ? still + 1 : 0;
    last = taken;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return last;
}
