import WebSocket from 'ws';
import { LIMITS } from '../../limits.ts';
import type { OpenSocket } from '../socket.ts';

/** `ws` waits 30 s for a peer's half of the close handshake; nobody needs the socket that long. */
const CLOSE_DEADLINE_MS = 2_000;
const NO_HANDSHAKE = 1006;

/** A socket on the npm package `ws`, for Node 20, which has no global `WebSocket`. */
export const openNodeSocket: OpenSocket = (url, protocols, events) => {
  const socket = new WebSocket(url, [...protocols], {
    perMessageDeflate: false, // ciphertext does not compress
    maxPayload: LIMITS.frameBytes,
    followRedirects: false,
  });
  let deadline: ReturnType<typeof setTimeout> | undefined;
  let hasEnded = false;
  const end = (code: number, reason: string) => {
    clearTimeout(deadline);
    if (hasEnded) return;
    hasEnded = true;
    events.ended(code, reason);
  };
  socket.on('open', () => events.opened(socket.protocol));
  socket.on('message', (data, isBinary) => {
    if (!hasEnded) events.received(isBinary ? undefined : String(data));
  });
  // `ws` demands a listener and always adds `close` to an `error`; the close code says all the SDK acts on.
  socket.on('error', () => undefined);
  socket.on('close', (code, reason) => end(code, reason.toString('utf8')));
  return {
    send: (text) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    bufferedBytes: () => socket.bufferedAmount,
    close: () => {
      socket.close(1000);
      deadline ??= setTimeout(() => socket.terminate(), CLOSE_DEADLINE_MS);
    },
    destroy: () => {
      socket.terminate();
      end(NO_HANDSHAKE, '');
    },
  };
};
