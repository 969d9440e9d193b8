import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import * as assert from 'uvu/assert';
import { WebSocket, WebSocketServer } from 'ws';
import { until } from '../../shared/testing/expect.ts';
import type { Suite } from '../../shared/testing/suite.ts';
import { nodeAt, type RelayUnderTest, SUBPROTOCOLS } from './relay-kit.ts';

/** Frames, close codes and ends arrive as they were sent. */
export function messages(
  { test, before, beforeEach, after, afterEach }: Suite,
  relay: () => RelayUnderTest,
): void {
  let server: WebSocketServer;
  let client: WebSocket;
  let peer: WebSocket;
  const open = async (options = {}) => {
    const accepted = once(server, 'connection');
    client = new WebSocket(`ws://127.0.0.1:${relay().port}/v1/socket`, SUBPROTOCOLS, options);
    await once(client, 'open');
    [peer] = (await accepted) as [WebSocket];
  };
  before(async () => {
    server = new WebSocketServer({ port: 0, host: '127.0.0.1', maxPayload: 0, perMessageDeflate: true });
    await once(server, 'listening');
  });
  beforeEach(() =>
    relay().setNodes([nodeAt('n1', `ws://127.0.0.1:${(server.address() as { port: number }).port}`)]),
  );
  afterEach(() => client?.terminate());
  after(() => server.close());

  test('passes text, binary, empty and large messages both ways, unchanged and in order', async () => {
    await open();
    const sent: [Buffer, boolean][] = [
      [Buffer.from('héllo ✓'), false],
      [Buffer.alloc(0), false],
      [randomBytes(3), true],
      [Buffer.alloc(0), true],
      [randomBytes(96 * 1024), true],
      [Buffer.from('x'.repeat(2 * 1024 * 1024)), false],
    ];
    for (const [from, to] of [
      [client, peer],
      [peer, client],
    ] as const) {
      const got: [Buffer, boolean][] = [];
      to.on('message', (data: Buffer, isBinary: boolean) => void got.push([data, isBinary]));
      for (const [data, binary] of sent) from.send(data, { binary });
      await until(() => got.length === sent.length, { what: 'all messages' });
      got.forEach(([data, isBinary], i) => {
        assert.is(isBinary, sent[i]?.[1]);
        assert.ok(data.equals(sent[i]?.[0] as Buffer));
      });
    }
  });

  test('lets the node choose the subprotocol and the extensions', async () => {
    await open({ perMessageDeflate: true });
    assert.is(client.protocol, 'hushwire.v1');
    assert.is(client.extensions.includes('permessage-deflate'), relay().passesExtensions);
    client.terminate();
    await open({ perMessageDeflate: false });
    assert.is(client.extensions, '');
  });

  test('passes pings and pongs', async () => {
    await open();
    const pong = once(client, 'pong');
    client.ping('are you there');
    assert.is(String((await pong)[0]), 'are you there');
  });

  for (const code of [1000, 1001, 1009, 1011, 1012, 3000, 4000, 4401, 4500, 4999])
    test(`passes close code ${code} and its reason both ways`, async () => {
      for (const isFromNode of [true, false]) {
        await open();
        const [from, to] = isFromNode ? [peer, client] : [client, peer];
        const closed = once(to, 'close');
        from.close(code, 'because');
        const [got, reason] = (await closed) as [number, Buffer];
        assert.is(got, code);
        assert.is(String(reason), 'because');
      }
    });

  test('passes a close without a code', async () => {
    await open();
    const closed = once(client, 'close');
    peer.close();
    assert.is((await closed)[0], 1005);
  });

  test('takes the end of one side for the end of the other, abnormal as it was', async () => {
    for (const isFromNode of [true, false]) {
      await open();
      const [from, to] = isFromNode ? [peer, client] : [client, peer];
      const closed = once(to, 'close');
      from.terminate();
      assert.is((await closed)[0], 1006);
    }
  });

  test('keeps sockets apart', async () => {
    server.on('connection', (socket) => socket.on('message', (data: Buffer) => socket.send(String(data))));
    const sockets = Array.from(
      { length: 50 },
      () => new WebSocket(`ws://127.0.0.1:${relay().port}/v1/socket`, SUBPROTOCOLS),
    );
    const answers = await Promise.all(
      sockets.map(async (socket, i) => {
        await once(socket, 'open');
        const answer = once(socket, 'message');
        socket.send(`mine is ${i}`);
        return String((await answer)[0]);
      }),
    );
    answers.forEach((answer, i) => {
      assert.is(answer, `mine is ${i}`);
    });
    for (const socket of sockets) socket.terminate();
    server.removeAllListeners('connection');
  });
}
