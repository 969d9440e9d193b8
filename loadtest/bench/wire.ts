/**
 * A WebSocket client with next to no cost of its own (RFC 6455 §4.1, §5): what is measured are the servers. It masks with a
 * zero key, which is valid and spares it the XOR while the server unmasks all the same, reads whole text frames as the
 * bytes they are, answers pings, and knows nothing else: no fragments, no extensions.
 */
import { connect, type Socket } from 'node:net';

export interface Address {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** Subprotocols to offer. */
  readonly protocols?: readonly string[];
}

export interface WireEvents {
  onOpen(): void;
  /** The payload; only valid until this returns. */
  onMessage(payload: Buffer): void;
  /** The connection is over, or never came about; `status` is that of a refused upgrade. Called once. */
  onEnd(status: number | undefined): void;
}

const TEXT = 0x81;
const PONG = 0x8a;
const OPCODE_CLOSE = 8;
const OPCODE_PING = 9;
const MASKED = 0x80;
const KEY = Buffer.from('hushwire-bench-0').toString('base64');
const HEAD_END = '\r\n\r\n';

export class WireSocket {
  readonly #socket: Socket;
  readonly #events: WireEvents;
  #rest: Buffer | undefined;
  #isOpen = false;
  #isOver = false;

  constructor(address: Address, events: WireEvents) {
    this.#events = events;
    this.#socket = connect({ host: address.host, port: address.port, noDelay: true });
    this.#socket.on('connect', () => this.#socket.write(requestOf(address)));
    this.#socket.on('data', (chunk) => this.#take(chunk));
    this.#socket.on('error', () => this.#end(undefined));
    this.#socket.on('close', () => this.#end(undefined));
  }

  /** One text message of one-byte characters. */
  send(text: string): void {
    this.#socket.write(frame(TEXT, text), () => undefined);
  }

  /** Cuts the connection, without the manners of a close frame. */
  cut(): void {
    this.#isOver = true;
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    const data = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = undefined;
    const start = this.#isOpen ? 0 : this.#takeHead(data);
    if (start >= 0) this.#takeFrames(data, start);
    else if (!this.#isOver) this.#rest = data;
  }

  /** Where the frames begin; −1 while the head is incomplete, or when the upgrade was refused. */
  #takeHead(data: Buffer): number {
    const end = data.indexOf(HEAD_END);
    if (end < 0) return -1;
    const status = Number(data.toString('latin1', 9, 12));
    if (status !== 101) {
      this.#end(status);
      this.#socket.destroy();
      return -1;
    }
    this.#isOpen = true;
    this.#events.onOpen();
    return end + HEAD_END.length;
  }

  #takeFrames(data: Buffer, from: number): void {
    let at = from;
    while (data.length - at >= 2) {
      const short = (data[at + 1] ?? 0) & 0x7f;
      const head = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (data.length - at < head) break;
      const length =
        short < 126
          ? short
          : short === 126
            ? data.readUInt16BE(at + 2)
            : Number(data.readBigUInt64BE(at + 2));
      const end = at + head + length;
      if (data.length < end) break;
      this.#takeFrame((data[at] ?? 0) & 0x0f, data.subarray(at + head, end));
      at = end;
    }
    if (at < data.length) this.#rest = data.subarray(at);
  }

  #takeFrame(opcode: number, payload: Buffer): void {
    if (opcode === OPCODE_PING) this.#socket.write(frame(PONG, payload.toString('latin1')));
    else if (opcode === OPCODE_CLOSE) this.#socket.end();
    else this.#events.onMessage(payload);
  }

  #end(status: number | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#events.onEnd(status);
  }
}

function requestOf({ host, port, path, protocols = [] }: Address): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: ${host}:${port}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${KEY}`,
    'Sec-WebSocket-Version: 13',
    ...(protocols.length === 0 ? [] : [`Sec-WebSocket-Protocol: ${protocols.join(', ')}`]),
  ];
  return `${lines.join('\r\n')}${HEAD_END}`;
}

/** A masked frame whose key is zero. */
function frame(first: number, text: string): Buffer {
  const { length } = text;
  const head = length < 126 ? 6 : 8;
  const out = Buffer.allocUnsafe(head + length);
  out[0] = first;
  if (length < 126) out[1] = MASKED | length;
  else {
    out[1] = MASKED | 126;
    out.writeUInt16BE(length, 2);
  }
  out.writeUInt32BE(0, head - 4);
  out.write(text, head, 'latin1');
  return out;
}
