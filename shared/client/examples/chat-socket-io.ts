/**
 * A chat as Socket.IO apps have it: a server that knows everybody and reads everything, and two clients. Its counterpart is
 * chat-hushwire.ts, and migration.md goes from the one to the other.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';
import { io as connect, type Socket } from 'socket.io-client';

type Answer = { readonly error?: string };
type Ack = (answer: Answer) => void;

interface ToServer {
  join(room: string, ack: Ack): void;
  message(room: string, text: string, ack: Ack): void;
  typing(room: string): void;
  ban(room: string, user: string, ack: Ack): void;
}
interface ToClient {
  message(message: { readonly from: string; readonly text: string }): void;
  typing(user: string): void;
  banned(room: string): void;
}
interface Data {
  user: string;
}

/** Who has which token; an app would ask its database. */
const USERS = new Map([
  ['token-of-ann', 'ann'],
  ['token-of-ben', 'ben'],
]);

/** The server: rooms, acks, volatile events, authentication, recovery, and a ban. */
async function serve(): Promise<{ url: string; close(): Promise<void> }> {
  const http = createServer();
  const io = new Server<ToServer, ToClient, Record<string, never>, Data>(http, {
    connectionStateRecovery: { maxDisconnectionDuration: 120_000 },
  });
  const banned = new Set<string>();

  io.use((socket, next) => {
    const user = USERS.get(String(socket.handshake.auth.token));
    if (user === undefined) return next(new Error('unauthorized'));
    socket.data.user = user;
    next();
  });
  io.on('connection', (socket) => {
    const { user } = socket.data;
    void socket.join(`user:${user}`);
    socket.on('join', async (room, ack) => {
      if (banned.has(`${room}/${user}`)) return ack({ error: 'banned' });
      await socket.join(room);
      ack({});
    });
    socket.on('message', (room, text, ack) => {
      if (!socket.rooms.has(room)) return ack({ error: 'not in this room' });
      socket.to(room).emit('message', { from: user, text });
      ack({});
    });
    socket.on('typing', (room) => void socket.to(room).volatile.emit('typing', user));
    socket.on('ban', (room, other, ack) => {
      banned.add(`${room}/${other}`);
      io.in(`user:${other}`).emit('banned', room);
      io.in(`user:${other}`).socketsLeave(room);
      ack({});
    });
  });

  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo; // It listens on a port, not on a path.
  return { url: `http://127.0.0.1:${port}`, close: () => io.close() };
}

/** What ann and ben went through, line by line. */
export async function chat(): Promise<readonly string[]> {
  const server = await serve();
  const client = (token: string): Socket<ToClient, ToServer> =>
    connect(server.url, { auth: { token }, transports: ['websocket'], reconnectionDelay: 20 });
  const [ann, ben] = [client('token-of-ann'), client('token-of-ben')];
  const lines: string[] = [];
  try {
    await Promise.all([ann.emitWithAck('join', 'general'), ben.emitWithAck('join', 'general')]);

    ben.on('message', ({ text }) => lines.push(`ben hears: ${text}`));
    const heard = event(ben, 'message');
    await ann.emitWithAck('message', 'general', 'hello');
    await heard;

    const typing = event(ann, 'typing');
    ben.emit('typing', 'general');
    await typing;
    lines.push('ann sees that ben types');

    const missed = event(ben, 'message');
    ben.io.engine.close();
    await ann.emitWithAck('message', 'general', 'while you were away');
    await missed;

    const out = event(ben, 'banned');
    await ann.emitWithAck('ban', 'general', 'ben');
    await out;
    lines.push('ben is out');
    const { error } = await ben.emitWithAck('message', 'general', 'let me in');
    if (error !== undefined) lines.push('ben can say nothing more');
    return lines;
  } finally {
    ann.close();
    ben.close();
    await server.close();
  }
}

function event(socket: Socket<ToClient, ToServer>, name: keyof ToClient): Promise<void> {
  return new Promise((resolve) => {
    socket.once(name, () => resolve());
  });
}
