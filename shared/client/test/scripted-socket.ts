import type { ClientFrame, PublicationFrame, ServerFrame } from '../../frame.ts';
import { LIMITS } from '../../limits.ts';
import type { ClientSocket, OpenSocket, SocketEvents } from '../socket.ts';

/** The node's side of one socket, as a test plays it. */
export class ScriptedSocket implements ClientSocket {
  readonly url: string;
  readonly protocols: readonly string[];
  /** What the client sent, oldest first. */
  readonly sent: ClientFrame[] = [];
  isClosed = false;
  isDestroyed = false;
  readonly #events: SocketEvents;
  #hasEnded = false;

  constructor(url: string, protocols: readonly string[], events: SocketEvents) {
    this.url = url;
    this.protocols = protocols;
    this.#events = events;
  }

  send(text: string): void {
    if (!this.#hasEnded) this.sent.push(JSON.parse(text) as ClientFrame);
  }

  bufferedBytes(): number {
    return 0;
  }

  close(): void {
    this.isClosed = true;
  }

  destroy(): void {
    this.isDestroyed = true;
    this.end(1006);
  }

  open(protocol = 'hushwire.v1'): void {
    this.#events.opened(protocol);
  }

  welcome(node = 'n1', pendingCommands: number = LIMITS.pendingCommands): void {
    this.open();
    const { frameBytes, dataBytes, channelsPerConnection: channels } = LIMITS;
    const limits = { frameBytes, dataBytes, channels, pendingCommands };
    this.say({ type: 'welcome', node, connection: 'c1', limits });
  }

  say(frame: ServerFrame): void {
    this.sayText(JSON.stringify(frame));
  }

  sayText(text: string | undefined): void {
    if (!this.#hasEnded) this.#events.received(text);
  }

  end(code: number, reason = ''): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#events.ended(code, reason);
  }

  /** The newest frame of this type; throws when there is none. */
  last<T extends ClientFrame['type']>(type: T): Extract<ClientFrame, { type: T }> {
    const found = this.sent.findLast((frame) => frame.type === type);
    if (found === undefined) throw new Error(`The client sent no ${type}`);
    return found as Extract<ClientFrame, { type: T }>;
  }
}

/** Collects the sockets a client opens. */
export function scriptedSockets(): { readonly sockets: ScriptedSocket[]; readonly openSocket: OpenSocket } {
  const sockets: ScriptedSocket[] = [];
  const openSocket: OpenSocket = (url, protocols, events) => {
    const socket = new ScriptedSocket(url, protocols, events);
    sockets.push(socket);
    return socket;
  };
  return { sockets, openSocket };
}

/** A tag, or an id, that tests can read. */
export function tagOf(name: string): string {
  return name.padEnd(22, '_');
}

export function publication(
  change: Partial<PublicationFrame> & Pick<PublicationFrame, 'offset'>,
): PublicationFrame {
  const { offset } = change;
  return {
    type: 'publication',
    epoch: 'epoch-one',
    channel: tagOf('channel'),
    id: tagOf(`message-${offset}`),
    from: tagOf('peer'),
    data: 'AAAA',
    ...change,
  };
}
