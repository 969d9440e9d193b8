import { openNodeSocket } from '../../../shared/client/adapters/node-socket.ts';
import type { ClientSocket, OpenSocket } from '../../../shared/client/socket.ts';

/** Frames kept for the search; a run makes some hundred. */
const FRAMES_MAX = 20_000;
const NO_HANDSHAKE = 1006;

/** The network of one client: keeps what went over its sockets, and can be cut like a cable. */
export class Network {
  readonly frames: string[] = [];
  /** Nodes the edge named last. */
  nodes: readonly string[] = [];
  readonly #sockets = new Set<ClientSocket>();
  #isCut = false;

  /** Drops every socket without a close handshake; nothing gets through until `restore()`. */
  cut(): void {
    this.#isCut = true;
    for (const socket of [...this.#sockets]) socket.destroy();
  }

  restore(): void {
    this.#isCut = false;
  }

  openSocket: OpenSocket = (url, protocols, events) => {
    if (this.#isCut) {
      queueMicrotask(() => events.ended(NO_HANDSHAKE, ''));
      return unconnected;
    }
    const socket = openNodeSocket(url, protocols, {
      ...events,
      received: (text) => {
        if (text !== undefined) this.#record(text);
        events.received(text);
      },
      ended: (code, reason) => {
        this.#sockets.delete(socket);
        events.ended(code, reason);
      },
    });
    this.#sockets.add(socket);
    const send = (text: string) => {
      this.#record(text);
      socket.send(text);
    };
    return { ...socket, send };
  };

  fetch: typeof fetch = async (input, init) => {
    if (this.#isCut) throw new TypeError('The network is cut');
    const response = await fetch(input, init);
    if (String(input).endsWith('/v1/connect')) await this.#noteNodes(response.clone());
    return response;
  };

  #record(frame: string): void {
    if (this.frames.push(frame) > FRAMES_MAX) throw new Error(`More than ${FRAMES_MAX} frames to keep`);
  }

  async #noteNodes(response: Response): Promise<void> {
    if (!response.ok) return;
    const { origins } = (await response.json()) as { origins: { node: string }[] }; // The SDK checks the same answer.
    this.nodes = origins.map(({ node }) => node);
  }
}

const unconnected: ClientSocket = {
  send: () => undefined,
  bufferedBytes: () => 0,
  close: () => undefined,
  destroy: () => undefined,
};
