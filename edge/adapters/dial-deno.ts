import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { NodeAnswer } from '../ports.ts';

/** A node's answer has a handful of short headers and, when it refuses, a short problem. */
const ANSWER_MAX_BYTES = 16 * 1024;
/** Dead peers are found out by TCP at the latest; long before, the node's own pings go unanswered. */
const KEEP_ALIVE_MS = 30_000;

/** How long to wait, and whether anybody still does. */
export interface Patience {
  readonly timeoutMs: number;
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal;
}

/** Opens a connection to a node's URL (`ws:` or `wss:`). Rejects with the system's error, or when patience ends. */
export function dial(url: URL, { timeoutMs, signal }: Patience): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const isTls = url.protocol === 'wss:';
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const target = { host, port: Number(url.port || (isTls ? 443 : 80)), allowHalfOpen: true };
    // Server name indication takes no addresses (RFC 6066 §3).
    const name = isIP(host) === 0 ? { servername: host } : {};
    const socket = isTls ? connectTls({ ...target, ...name, ALPNProtocols: ['http/1.1'] }) : connect(target);
    const give = (reason: string) => () => socket.destroy(new Error(reason));
    const timer = setTimeout(give('Timed out'), timeoutMs);
    const onAbort = give('Nobody waits any more');
    signal.addEventListener('abort', onAbort);
    const settle = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
    socket.once('error', reject);
    socket.once('close', () => {
      settle();
      reject(new Error('Closed'));
    });
    socket.once(isTls ? 'secureConnect' : 'connect', () => {
      settle();
      makeLively(socket);
      resolve(socket);
    });
  });
}

/** Frames are small and wanted at once. */
export function makeLively(socket: Socket): void {
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
}

/** What to send, and how to read what comes back (`Sockets.readAnswer`). */
export interface Question {
  readonly request: string;
  readonly read: (bytes: Uint8Array) => NodeAnswer | undefined;
}

/**
 * Sends the request and waits for the node's whole answer; the socket is paused then. Rejects, with the socket destroyed,
 * when it breaks, ends early, answers too much or nothing readable, or when patience ends.
 */
export async function ask(
  socket: Socket,
  { request, read }: Question,
  { timeoutMs, signal }: Patience,
): Promise<NodeAnswer> {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(new Error('Timed out')), timeoutMs);
  const onGone = () => over.abort(new Error('Nobody waits any more'));
  signal.addEventListener('abort', onGone);
  try {
    socket.write(request);
    return await readWhole(socket, read, over.signal);
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onGone);
  }
}

function readWhole(socket: Socket, read: Question['read'], signal: AbortSignal): Promise<NodeAnswer> {
  return new Promise((resolve, reject) => {
    let bytes = new Uint8Array();
    const settle = (act: () => void) => {
      socket.off('data', onData).off('end', onEnd).off('close', onEnd).off('error', onEnd).pause();
      act();
    };
    const onEnd = () => settle(() => reject(new Error('A node ended before it answered')));
    const onData = (chunk: Uint8Array) => {
      bytes = concat(bytes, chunk);
      const answer = tryRead(bytes, read);
      if (answer instanceof Error) settle(() => reject(answer));
      else if (answer !== undefined) settle(() => resolve(answer));
      else if (bytes.length > ANSWER_MAX_BYTES)
        settle(() => reject(new Error('A node answered more than it may')));
    };
    socket.on('data', onData).on('end', onEnd).on('close', onEnd).on('error', onEnd);
    signal.addEventListener('abort', () => settle(() => reject(signal.reason)));
  });
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}

function tryRead(bytes: Uint8Array, read: Question['read']): NodeAnswer | Error | undefined {
  try {
    return read(bytes);
  } catch (error) {
    return error instanceof Error ? error : new Error('Unreadable');
  }
}
