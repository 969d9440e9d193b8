import { WebSocket } from 'ws';
import { encodeClientFrame, parseServerFrame } from '../codec.ts';
import type { AnswerFrame, ClientFrame, ServerFrame } from '../frame.ts';
import { PROTOCOL, TICKET_PROTOCOL_PREFIX } from '../frame.ts';
import { until } from './expect.ts';

export interface WireOptions {
  readonly ticket?: string;
  readonly protocols?: readonly string[];
  /** Value of the `Origin` header, as a browser would send it. */
  readonly webOrigin?: string;
}
export interface Closed {
  readonly code: number;
  readonly reason: string;
}
type Unreferenced<F> = F extends ClientFrame ? Omit<F, 'ref'> : never;

/** A client that speaks frames and nothing more: no retries, no checks, every frame kept in `frames`. */
export class WireClient {
  readonly frames: ServerFrame[] = [];
  /** Resolves when the socket has ended, with what the server said. */
  readonly closed: Promise<Closed>;
  readonly socket: WebSocket;
  #ref = 0;

  constructor(url: string, { ticket, protocols, webOrigin }: WireOptions = {}) {
    const offered = protocols ?? [
      PROTOCOL,
      ...(ticket === undefined ? [] : [TICKET_PROTOCOL_PREFIX + ticket]),
    ];
    this.socket = new WebSocket(url, [...offered], webOrigin === undefined ? {} : { origin: webOrigin });
    this.socket.on('message', (data, isBinary) => {
      const frame = isBinary ? undefined : parseServerFrame(String(data));
      if (frame === undefined || frame === 'unknown')
        throw new Error(`The node sent no frame: ${String(data)}`);
      this.frames.push(frame);
    });
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }));
    });
  }

  /** HTTP status and body of a refused upgrade. */
  static refusal(url: string, options: WireOptions): Promise<{ status: number; body: string }> {
    const { socket } = new WireClient(url, options);
    return new Promise((resolve, reject) => {
      socket.on('error', () => undefined);
      socket.on('open', () => reject(new Error('The upgrade was accepted')));
      socket.on('unexpected-response', (_request, response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
          socket.terminate();
        });
      });
    });
  }

  /** Sends anything at all, as one message. */
  sendRaw(data: string | Uint8Array): void {
    this.socket.send(data);
  }

  /** Sends a command with the next ref and resolves to its answer. */
  async command(frame: Unreferenced<ClientFrame>): Promise<AnswerFrame> {
    this.#ref += 1;
    const ref = this.#ref;
    this.sendRaw(encodeClientFrame({ ...frame, ref } as ClientFrame));
    return this.next((candidate): candidate is AnswerFrame => 'ref' in candidate && candidate.ref === ref);
  }

  /** The first frame, already here or still to come, that `isWanted` accepts. */
  async next<F extends ServerFrame>(
    isWanted: (frame: ServerFrame) => frame is F,
    timeoutMs = 5_000,
  ): Promise<F> {
    const find = () => this.frames.find(isWanted);
    const found = await until(find, { what: 'a frame', timeoutMs });
    if (found === undefined) throw new Error('No frame');
    return found;
  }

  /** The first frame of a type. */
  async nextOf<T extends ServerFrame['type']>(type: T): Promise<Extract<ServerFrame, { type: T }>> {
    return this.next((frame): frame is Extract<ServerFrame, { type: T }> => frame.type === type);
  }

  framesOf<T extends ServerFrame['type']>(type: T): Extract<ServerFrame, { type: T }>[] {
    return this.frames.filter((frame): frame is Extract<ServerFrame, { type: T }> => frame.type === type);
  }

  /** Ends the TCP connection without a close frame. */
  cut(): void {
    this.socket.terminate();
  }
}
