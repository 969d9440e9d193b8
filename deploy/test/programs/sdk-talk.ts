import { type Client, connectAccount } from '../../../shared/client/hushwire.ts';
import type { OpenSocket } from '../../../shared/client/socket.ts';

/** What two accounts of one program saw. */
export interface Talk {
  readonly nodes: readonly string[];
  readonly heard: readonly string[];
}

/**
 * Two accounts on two nodes talk, one of them directly and one through the edge. Uses what every runtime has (fetch,
 * WebSocket, Web Crypto) and nothing of one of them, so that the same file shows the SDK on each.
 */
export async function talk(edge: string, options: { readonly openSocket?: OpenSocket } = {}): Promise<Talk> {
  const a = await connectAccount({ edge, node: 'node-1', through: 'direct', ...options });
  const b = await connectAccount({ edge, node: 'node-2', through: 'edge', ...options });
  try {
    return await exchange(a, b);
  } finally {
    a.close();
    b.close();
  }
}

async function exchange(a: Client, b: Client): Promise<Talk> {
  const channelId = await a.createChannel();
  await a.addMember(channelId, b.userId);
  await b.acceptKey(channelId, await a.shareKey(channelId, b.card.agreementKey));
  const [inA, inB] = [a.channel(channelId), b.channel(channelId)];
  await Promise.all([inA.subscribe(), inB.subscribe()]);
  const nodes = [a, b].map(({ state }) => (state.state === 'online' ? state.node : state.state));
  const heard: string[] = [];
  const both = Promise.all([
    new Promise<void>((resolve) => {
      inB.on('message', (message) => {
        heard.push(`b: ${message.text()}`);
        if (heard.filter((line) => line.startsWith('b')).length === 2) resolve();
      });
    }),
    new Promise<void>((resolve) => {
      inA.on('message', (message) => {
        if (message.text() === 'to a') resolve();
      });
    }),
  ]);
  await inA.publish('to b');
  await inB.publish('to a');
  await both;
  return { nodes, heard };
}
