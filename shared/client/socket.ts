/** What a socket reports; `ended` comes exactly once, whether or not it ever opened, and nothing after it. */
export interface SocketEvents {
  /** The peer agreed to `protocol`; empty when it chose none. */
  opened(protocol: string): void;
  /** One message; undefined for a binary one. */
  received(text: string | undefined): void;
  /** Close code of RFC 6455 §7.4; 1006 when there was no close handshake. */
  ended(code: number, reason: string): void;
}

/** One WebSocket as the SDK needs it. */
export interface ClientSocket {
  /** Hands one text message to the transport; does nothing once the socket ended. */
  send(text: string): void;
  /** Bytes handed over that the transport has not taken yet. */
  bufferedBytes(): number;
  /** Begins the close handshake with 1000; `ended` follows. */
  close(): void;
  /** Drops the socket without a handshake: `ended` with 1006 follows at once. For a peer that no longer answers. */
  destroy(): void;
}

/** Opens a socket. Throws only for a URL that can never work; whatever goes wrong later comes as `ended`. */
export type OpenSocket = (url: string, protocols: readonly string[], events: SocketEvents) => ClientSocket;

const NORMAL_CLOSURE = 1000;
const NO_HANDSHAKE = 1006;

/** A socket on the global `WebSocket` of browsers, Deno and Node 22; Node 20 has none (adapters/node-socket.ts). */
export const openWebSocket: OpenSocket = (url, protocols, events) => {
  const socket = new WebSocket(url, [...protocols]);
  let hasEnded = false;
  const end = (code: number, reason: string) => {
    if (hasEnded) return;
    hasEnded = true;
    events.ended(code, reason);
  };
  let hasOpened = false;
  socket.onopen = () => {
    hasOpened = true;
    if (!hasEnded) events.opened(socket.protocol);
  };
  socket.onmessage = ({ data }) => hasEnded || events.received(typeof data === 'string' ? data : undefined);
  // The standard has a `close` follow every `error`; Node 22 leaves it out for a connection that never opened.
  socket.onerror = () => {
    if (!hasOpened) end(NO_HANDSHAKE, '');
  };
  // Deno reports an abnormal end as 0, browsers as 1006.
  socket.onclose = ({ code, reason }) => end(code === 0 ? NO_HANDSHAKE : code, reason);
  return {
    send: (text) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    bufferedBytes: () => socket.bufferedAmount,
    close: () => socket.close(NORMAL_CLOSURE),
    destroy: () => {
      socket.close(NORMAL_CLOSURE);
      end(NO_HANDSHAKE, '');
    },
  };
};
