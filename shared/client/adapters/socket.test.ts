import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import * as assert from 'uvu/assert';
import { WebSocket, WebSocketServer } from 'ws';
import { LIMITS } from '../../limits.ts';
import { until } from '../../testing/expect.ts';
import { describe } from '../../testing/suite.ts';
import { type OpenSocket, openWebSocket } from '../socket.ts';
import { openNodeSocket } from './node-socket.ts';

interface Log {
  protocol: string | undefined;
  readonly received: (string | undefined)[];
  readonly ends: number[];
}

function open(openSocket: OpenSocket, url: string) {
  const log: Log = { protocol: undefined, received: [], ends: [] };
  const socket = openSocket(url, ['hushwire.v1', 'hushwire.ticket.a.b.c'], {
    opened: (protocol) => {
      log.protocol = protocol;
    },
    received: (text) => log.received.push(text),
    ended: (code) => log.ends.push(code),
  });
  return { socket, log };
}

function contract(name: string, openSocket: OpenSocket): void {
  describe(`socket by ${name}`, ({ test, before, after, afterEach }) => {
    let server: WebSocketServer;
    let url: string;

    before(async () => {
      server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'hushwire.v1' });
      await once(server, 'listening');
      url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    afterEach(() => {
      for (const client of server.clients) client.terminate();
    });
    after(() => new Promise((resolve) => server.close(resolve)));

    async function connect() {
      const accepted = once(server, 'connection') as Promise<[WebSocket]>;
      const { socket, log } = open(openSocket, url);
      const [peer] = await accepted;
      await until(() => log.protocol !== undefined, { what: 'the socket to open' });
      return { socket, log, peer };
    }

    test('opens with the protocol that was chosen, and carries text both ways', async () => {
      const { socket, log, peer } = await connect();
      assert.is(log.protocol, 'hushwire.v1');
      const heard = once(peer, 'message');
      socket.send('to the node');
      assert.is(String((await heard)[0]), 'to the node');
      peer.send('ä'.repeat(10));
      await until(() => log.received.length > 0, { what: 'a message' });
      assert.equal(log.received, ['ä'.repeat(10)]);
    });

    test('reports a binary message as undefined', async () => {
      const { log, peer } = await connect();
      peer.send(new Uint8Array([1, 2]));
      await until(() => log.received.length > 0, { what: 'a message' });
      assert.equal(log.received, [undefined]);
    });

    test('reports the close code of the peer once', async () => {
      const { socket, log, peer } = await connect();
      peer.close(4401, 'ticket_refused');
      await until(() => log.ends.length > 0, { what: 'the end' });
      socket.close();
      socket.destroy();
      socket.send('too late');
      assert.equal(log.ends, [4401]);
    });

    test('closes with 1000', async () => {
      const { socket, peer } = await connect();
      const closed = once(peer, 'close');
      socket.close();
      assert.is((await closed)[0], 1000);
    });

    test('reports 1006 at once when destroyed, and nothing after it', async () => {
      const { socket, log, peer } = await connect();
      peer.send('lost');
      socket.destroy();
      assert.equal(log.ends, [1006]);
      await once(peer, 'close');
      assert.equal(log.received, []);
      assert.equal(log.ends, [1006]);
    });

    test('reports 1006 for a peer that vanishes and one that is not there', async () => {
      const { log, peer } = await connect();
      peer.terminate();
      await until(() => log.ends.length > 0, { what: 'the end' });
      assert.equal(log.ends, [1006]);
      const absent = open(openSocket, 'ws://127.0.0.1:1');
      await until(() => absent.log.ends.length > 0, { what: 'the end' });
      assert.equal(absent.log.ends, [1006]);
    });

    test('can be destroyed before it opens', () => {
      const { socket, log } = open(openSocket, url);
      socket.destroy();
      assert.equal(log.ends, [1006]);
    });
  });
}

// Node 20 has no global WebSocket; that of ws has the same interface (WHATWG) and stands in for it there.
globalThis.WebSocket ??= WebSocket as unknown as typeof globalThis.WebSocket;
contract('the global WebSocket', openWebSocket);
contract('ws', openNodeSocket);

describe('socket by ws', ({ test }) => {
  test('ends with 1009 on a message over the frame limit', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'hushwire.v1' });
    await once(server, 'listening');
    server.on('connection', (peer) => peer.send('a'.repeat(LIMITS.frameBytes + 1)));
    const { log } = open(openNodeSocket, `ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await until(() => log.ends.length > 0, { what: 'the end' });
    assert.equal(log.received, []);
    assert.ok([1006, 1009].includes(log.ends[0] ?? 0), String(log.ends[0]));
    await new Promise((resolve) => server.close(resolve));
  });
});
