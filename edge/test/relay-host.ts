/**
 * The pass-through alone, for its contract suite on Deno: real server and relay, with a node list that a test sets by
 * `PUT /nodes` instead of an origin's. Prints `{"event":"relay.ready","port":…}`.
 */
import process from 'node:process';
import { randomId } from '../../shared/bytes.ts';
import type { NodeInfo } from '../../shared/internal/relay.ts';
import { createRelay } from '../adapters/relay-deno.ts';
import { startServer } from '../adapters/server-deno.ts';
import { refuseWith } from '../problem.ts';
import { createSockets } from '../sockets.ts';
import { allowOrigins } from '../web-origins.ts';

let nodes: readonly NodeInfo[] = [];
const random = { id: () => randomId() };
const log = () => undefined;
const refuse = refuseWith(log);
const allowsOrigin = allowOrigins({
  publicUrl: 'https://edge.example',
  webOrigins: ['https://chat.example'],
});
const sockets = createSockets({ nodes: { list: async () => nodes }, allowsOrigin });
const relay = createRelay({ sockets, refuse, random, limits: { answerMs: 500 } });
const fetch = async (request: Request) => {
  if (request.method === 'PUT') nodes = (await request.json()) as readonly NodeInfo[];
  return new Response(JSON.stringify({ rss: process.memoryUsage().rss }));
};
const { port } = await startServer({
  host: '127.0.0.1',
  port: 0,
  keepAliveMs: 5_000,
  fetch,
  relay,
  refuse,
  random,
  log,
});
console.log(JSON.stringify({ event: 'relay.ready', port }));
