/** The pass-through alone, for its contract suite on workerd; like relay-host.ts, which is its twin on Deno. */
import { randomId } from '../../shared/bytes.ts';
import type { NodeInfo } from '../../shared/internal/relay.ts';
import { createWorkersRelay } from '../adapters/relay-workers.ts';
import { refuseWith } from '../problem.ts';
import { createSockets } from '../sockets.ts';
import { allowOrigins } from '../web-origins.ts';

let nodes: readonly NodeInfo[] = [];
const allowsOrigin = allowOrigins({
  publicUrl: 'https://edge.example',
  webOrigins: ['https://chat.example'],
});
const relay = createWorkersRelay({
  sockets: createSockets({ nodes: { list: async () => nodes }, allowsOrigin }),
  refuse: refuseWith(() => undefined),
  random: { id: () => randomId() },
});

export default {
  async fetch(request: Request): Promise<Response> {
    if (request.headers.get('upgrade') !== null) return relay(request);
    if (request.method === 'PUT') nodes = (await request.json()) as readonly NodeInfo[];
    return new Response(JSON.stringify({ rss: 0 }));
  },
};
