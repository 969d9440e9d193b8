/**
 * Socket.IO as its documentation sets it up for several servers, in a process of its own; the parent says over IPC where
 * Redis is and which adapter. WebSocket only, no compression, logging nothing.
 */

import { App, us_socket_local_port } from 'uWebSockets.js';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdapter } from '@socket.io/redis-adapter';
import { createAdapter as createStreamsAdapter } from '@socket.io/redis-streams-adapter';
import { Redis } from 'ioredis';
import { Server, type ServerOptions, type Socket } from 'socket.io';

export interface SocketIoOrder {
  readonly redisUrl: string;
  readonly adapter: 'classic' | 'streams';
  readonly engine: 'node' | 'uws';
}

/** What their documentation's example of recovery has. */
const RECOVERY = { maxDisconnectionDuration: 2 * 60_000, skipMiddlewares: true };

process.once('message', (order: SocketIoOrder) => void start(order));
process.on('disconnect', () => process.exit(0));

async function start({ redisUrl, adapter, engine }: SocketIoOrder): Promise<void> {
  const redis = new Redis(redisUrl);
  const options: Partial<ServerOptions> = {
    transports: ['websocket'],
    serveClient: false,
    ...(adapter === 'streams' ? { connectionStateRecovery: RECOVERY } : {}),
    adapter: adapter === 'streams' ? createStreamsAdapter(redis) : createAdapter(redis, redis.duplicate()),
  };
  const io = new Server(options);
  io.on('connection', serve);
  const port = await (engine === 'uws' ? listenOnUws(io) : listenOnNode(io));
  process.send?.({ port });
}

/** Each client reads one room, named when it connects, and may publish to any. */
function serve(socket: Socket): void {
  const { reads } = socket.handshake.auth as { reads: string };
  void socket.join(reads);
  socket.on('m', (channel: string, data: string, ack?: () => void) => {
    socket.nsp.to(channel).emit('m', data);
    ack?.();
  });
  socket.emit('r', socket.recovered ? 'recovered' : 'new');
}

function listenOnNode(io: Server): Promise<number> {
  const server = createServer();
  io.attach(server);
  return new Promise((resolve) => {
    server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function listenOnUws(io: Server): Promise<number> {
  const app = App();
  io.attachApp(app);
  return new Promise((resolve, reject) => {
    app.listen('127.0.0.1', 0, (token) => {
      if (token) resolve(us_socket_local_port(token));
      else reject(new Error('Cannot listen'));
    });
  });
}
