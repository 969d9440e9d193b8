import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import type { NodeInfo } from '../../shared/internal/relay.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { createRelay, type Relay, type RelayLimits } from '../adapters/relay-deno.ts';
import { type EdgeServer, startServer } from '../adapters/server-deno.ts';
import { refuseWith } from '../problem.ts';
import { createSockets } from '../sockets.ts';
import { allowOrigins } from '../web-origins.ts';
import { openRaw, type RawClient, upgradeRequest } from './raw-client.ts';
import { relayContract } from './relay-contract.ts';
import { ALLOWED_ORIGIN } from './relay-kit.ts';
import { type StubNode, startStubNode } from './stub-node.ts';

relayContract('on Node', { start: () => startTestEdge({ answerMs: 300 }) });

describe('Bounds of the pass-through', ({ test, beforeEach, afterEach }) => {
  let node: StubNode;
  let edge: TestEdge;
  let clients: RawClient[];
  const open = async () => {
    const client = await openRaw(edge.port, upgradeRequest());
    clients.push(client);
    return client;
  };
  beforeEach(async () => {
    node = await startStubNode();
    edge = await startTestEdge({ sockets: 3, handshakes: 2, answerMs: 60_000 });
    edge.setNodes([{ node: 'n1', url: node.url, connections: 0, isDraining: false }]);
    clients = [];
  });
  afterEach(async () => {
    for (const { socket } of clients) socket.destroy();
    await edge.stop();
    await node.stop();
  });

  test('hold for handshakes, which count again when they are over', async () => {
    const first = await open();
    const second = await open();
    await Promise.all([node.next(), node.next()]);
    const third = await (await open()).answer();
    assert.is(third.status, 503);
    assert.is(third.json.retryAfterMs, 1_000);
    assert.is(third.headers['retry-after'], '1');
    for (const { admit } of node.connections) admit();
    assert.equal([(await first.answer()).status, (await second.answer()).status], [101, 101]);
    await open();
    await node.next();
  });

  test('hold for sockets, which count again when they are closed', async () => {
    for (let i = 0; i < 3; i += 1) {
      const client = await open();
      (await node.next()).admit();
      assert.is((await client.answer()).status, 101);
    }
    assert.is((await (await open()).answer()).status, 503);
    clients[0]?.socket.destroy();
    node.connections[0]?.socket.end();
    await until(
      async () => {
        const client = await open();
        const index = node.connections.length;
        await until(() => client.received().length > 0 || node.connections.length > index, {
          what: 'any reaction',
        });
        return node.connections.length > index;
      },
      { what: 'a place' },
    );
  });

  test('end with the relay: every socket is ended', async () => {
    const client = await open();
    (await node.next()).admit();
    await client.answer();
    edge.relay.close();
    await client.ended;
  });
});

interface TestEdge {
  readonly port: number;
  readonly relay: Relay;
  readonly passesExtensions: boolean;
  setNodes(nodes: readonly NodeInfo[]): void;
  stop(): Promise<void>;
}

async function startTestEdge(limits: Partial<RelayLimits>): Promise<TestEdge> {
  let nodes: readonly NodeInfo[] = [];
  const random = { id: () => randomId() };
  const log = () => undefined;
  const refuse = refuseWith(log);
  const allowsOrigin = allowOrigins({ publicUrl: 'https://edge.example', webOrigins: [ALLOWED_ORIGIN] });
  const sockets = createSockets({ nodes: { list: async () => nodes }, allowsOrigin });
  const relay = createRelay({ sockets, refuse, random, limits });
  const server: EdgeServer = await startServer({
    host: '127.0.0.1',
    port: 0,
    keepAliveMs: 5_000,
    fetch: () => new Response('{"status":"ok"}'),
    relay,
    refuse,
    random,
    log,
  });
  return {
    port: server.port,
    relay,
    passesExtensions: true,
    setNodes: (list) => {
      nodes = list;
    },
    stop: async () => {
      relay.close();
      await server.close(100);
    },
  };
}
