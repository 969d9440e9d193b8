import { addressOf, type Manner, type Speech, type Talk } from '../speech.ts';

/**
 * Socket.IO by hand (engine.io protocol 4, socket.io protocol 5, WebSocket only, as those who measure and those who scale
 * it advise), so that the generator is as light as for the others. With recovery the last argument of an event is its
 * offset, which a client that returns sends along with its private session id.
 */
export const SOCKET_IO: Speech = {
  prepare: async ({ url, reads, writes }, last) =>
    new SocketIoTalk({ url, reads, writes }, last instanceof SocketIoTalk ? last : undefined),
};

const TYPE_OPEN = 0x30;
const TYPE_PING = 0x32;
const TYPE_MESSAGE = 0x34;
const PACKET_CONNECT = 0x30;
const PACKET_EVENT = 0x32;
const PACKET_ACK = 0x33;
const PACKET_CONNECT_ERROR = 0x34;

class SocketIoTalk implements Talk {
  readonly address;
  readonly #reads: string;
  readonly #writes: string;
  readonly #last: SocketIoTalk | undefined;
  #privateId: string | undefined;
  #offset: string | undefined;
  #ackId = 0;

  constructor(peer: { url: string; reads: string; writes: string }, last: SocketIoTalk | undefined) {
    this.address = addressOf(peer.url, '/socket.io/?EIO=4&transport=websocket');
    this.#reads = peer.reads;
    this.#writes = peer.writes;
    this.#last = last;
  }

  hear(payload: Buffer) {
    const [type, packet] = payload;
    if (type === TYPE_OPEN) return { reply: `40${JSON.stringify(this.#auth())}` };
    if (type === TYPE_PING) return { reply: '3' };
    if (type !== TYPE_MESSAGE) return 'other';
    if (packet === PACKET_EVENT) return this.#hearEvent(payload);
    if (packet === PACKET_ACK) return 'ack';
    if (packet === PACKET_CONNECT_ERROR) return 'refused';
    if (packet !== PACKET_CONNECT) return 'other';
    this.#privateId = (JSON.parse(payload.toString('latin1', 2)) as { pid?: string }).pid;
    return 'other';
  }

  say(data: string, { isAcked }: Manner): string {
    if (!isAcked) return `42["m","${this.#writes}","${data}"]`;
    this.#ackId += 1;
    return `42${this.#ackId}["m","${this.#writes}","${data}"]`;
  }

  /** The server says `["r", …]` when the socket is in its room: only from then on is it ready. */
  #hearEvent(payload: Buffer) {
    const isReady = payload[4] === 0x72;
    if (this.#privateId !== undefined) this.#noteOffset(payload);
    if (!isReady) return 'message';
    return payload.includes('"recovered"') ? 'recovered' : 'ready';
  }

  /** Where recovery is on, an event ends with `,"<milliseconds>-<number>"]`. */
  #noteOffset(payload: Buffer): void {
    const end = payload.length - 2;
    const start = payload.lastIndexOf('"', end - 1);
    if (start > 0 && end - start < 32) this.#offset = payload.toString('latin1', start + 1, end);
  }

  #auth(): Record<string, string> {
    const last = this.#last;
    const auth = { reads: this.#reads };
    if (last === undefined || last.#privateId === undefined || last.#offset === undefined) return auth;
    return { ...auth, pid: last.#privateId, offset: last.#offset };
  }
}
