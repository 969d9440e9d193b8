/**
 * The floor: uWebSockets.js and Redis pub/sub, one command a message, and nothing of what a service needs: nobody is asked
 * who they are, nothing is kept, checked or confirmed.
 */

import { App, us_socket_local_port, type WebSocket } from 'uWebSockets.js';
import { Redis } from 'ioredis';

export interface BareOrder {
  readonly redisUrl: string;
}
interface UserData {
  readonly reads: string;
}

const CHANNEL_CHARS = 22;
const readers = new Map<string, number>();

process.once('message', (order: BareOrder) => start(order));
process.on('disconnect', () => process.exit(0));

function start({ redisUrl }: BareOrder): void {
  const commands = new Redis(redisUrl);
  const subscriptions = new Redis(redisUrl);
  const app = App();
  subscriptions.on('message', (channel: string, data: string) => void app.publish(channel, data));
  app.ws<UserData>('/*', {
    compression: 0,
    idleTimeout: 60,
    sendPingsAutomatically: true,
    upgrade: (response, request, context) => {
      response.upgrade(
        { reads: request.getQuery('reads') ?? '' },
        request.getHeader('sec-websocket-key'),
        request.getHeader('sec-websocket-protocol'),
        request.getHeader('sec-websocket-extensions'),
        context,
      );
    },
    open: (ws) => void open(ws, subscriptions),
    message: (_ws, message) => {
      const text = Buffer.from(message).toString('latin1');
      void commands.publish(text.slice(0, CHANNEL_CHARS), text.slice(CHANNEL_CHARS));
    },
    close: (ws) => leave(ws.getUserData().reads, subscriptions),
  });
  app.listen('127.0.0.1', 0, (token) => {
    if (token) process.send?.({ port: us_socket_local_port(token) });
  });
}

async function open(ws: WebSocket<UserData>, subscriptions: Redis): Promise<void> {
  const { reads } = ws.getUserData();
  const count = readers.get(reads) ?? 0;
  readers.set(reads, count + 1);
  ws.subscribe(reads);
  if (count === 0) await subscriptions.subscribe(reads);
  try {
    ws.send('ready');
  } catch {
    // The client left while Redis answered, and uWebSockets.js forbids touching its socket: nothing is left to tell.
  }
}

function leave(channel: string, subscriptions: Redis): void {
  const count = (readers.get(channel) ?? 1) - 1;
  if (count > 0) {
    readers.set(channel, count);
    return;
  }
  readers.delete(channel);
  void subscriptions.unsubscribe(channel);
}
