import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { until } from '../../shared/testing/expect.ts';

/** What came back on a bare socket. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  // biome-ignore lint/suspicious/noExplicitAny: problem details or nothing; tests look at single fields.
  readonly json: any;
}

/** A client on bare TCP. */
export interface RawClient {
  readonly socket: Socket;
  received(): Buffer;
  /** Waits for a whole answer. */
  answer(): Promise<RawAnswer>;
  /** Resolves when the other side has ended or broken the connection. */
  readonly ended: Promise<unknown>;
}

/** The lines of a good upgrade request; fields given as undefined are left out. */
export function upgradeRequest(
  overrides: {
    line?: string;
    headers?: Readonly<Record<string, string | undefined>>;
    more?: readonly string[];
  } = {},
): string {
  const headers: Record<string, string | undefined> = {
    Host: 'edge.example',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol': 'hushwire.v1, hushwire.ticket.a.b.c',
    ...overrides.headers,
  };
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value}`],
  );
  return `${[overrides.line ?? 'GET /v1/socket HTTP/1.1', ...lines, ...(overrides.more ?? [])].join('\r\n')}\r\n\r\n`;
}

/** Connects and sends `text` in one write. */
export async function openRaw(port: number, text: string | Uint8Array): Promise<RawClient> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  await once(socket, 'connect');
  let bytes = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
  });
  const ended = new Promise((resolve) => {
    for (const event of ['end', 'error', 'close']) socket.on(event, resolve);
  });
  socket.write(text);
  return {
    socket,
    received: () => bytes,
    ended,
    answer: async () => (await until(() => parse(bytes), { what: 'an answer' })) as RawAnswer,
  };
}

function parse(bytes: Buffer): RawAnswer | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [line = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const headers = Object.fromEntries(
    lines.map((text) => [
      text.slice(0, text.indexOf(':')).toLowerCase(),
      text.slice(text.indexOf(':') + 1).trim(),
    ]),
  );
  const body = bytes.subarray(end + 4);
  if (body.length < Number(headers['content-length'] ?? 0)) return undefined;
  const isJson = headers['content-type']?.includes('json') === true;
  return {
    status: Number(line.split(' ')[1]),
    headers,
    json: isJson ? JSON.parse(body.toString()) : undefined,
  };
}
