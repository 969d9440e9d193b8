import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { until } from '../../shared/testing/expect.ts';

/** A node's public port on bare TCP, so that a test decides about every byte and sees every byte. */
export interface StubNode {
  readonly url: string;
  readonly port: number;
  /** Every connection so far. */
  readonly connections: StubConnection[];
  /** Waits for the next connection that no earlier call got, with the head of its request. */
  next(): Promise<StubConnection>;
  stop(): Promise<void>;
}

export interface StubConnection {
  readonly socket: Socket;
  /** Request line and headers, as they came. */
  readonly head: string;
  /** Everything that came behind the head. */
  received(): Buffer;
  /** Answers 101 to the request, followed by `extra` in the same write. */
  admit(extra?: Uint8Array, headers?: readonly string[]): void;
}

export async function startStubNode(): Promise<StubNode> {
  const connections: StubConnection[] = [];
  let taken = 0;
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => readHead(socket, connections));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${port}`,
    port,
    connections,
    next: async () => {
      const index = taken;
      taken += 1;
      await until(() => connections.length > index, { what: 'a connection at the node' });
      return connections[index] as StubConnection;
    },
    stop: async () => {
      for (const { socket } of connections) socket.destroy();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}

function readHead(socket: Socket, connections: StubConnection[]): void {
  let bytes = Buffer.alloc(0);
  let end = -1;
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    if (end >= 0) return;
    end = bytes.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = bytes.subarray(0, end).toString('latin1');
    connections.push({
      socket,
      head,
      received: () => bytes.subarray(end + 4),
      admit: (extra = new Uint8Array(), headers = []) => {
        const answer = ['HTTP/1.1 101 Switching Protocols', ...upgradeHeaders(head), ...headers];
        socket.write(Buffer.concat([Buffer.from(`${answer.join('\r\n')}\r\n\r\n`), extra]));
      },
    });
  });
}

function upgradeHeaders(head: string): string[] {
  const key = /^sec-websocket-key: (.*)$/im.exec(head)?.[1] ?? '';
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  return ['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${accept}`];
}
