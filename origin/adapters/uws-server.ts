/**
 * The public listener over uWebSockets.js. What its manual demands, and where this file obeys:
 *
 * - a request is gone after the upgrade callback returns: everything is read from it before (`upgrade`);
 * - the message buffer is detached when its callback returns: it is decoded to a string inside (`message`);
 * - a socket must not be touched after `close`: `UwsSocket` forgets it there and turns into a no-op;
 * - `send` returns 1 sent, 0 queued, 2 dropped; over `maxBackpressure` the library cuts the connection, because
 *   `closeOnBackpressureLimit` is set (without it, messages would vanish silently);
 * - sending inside `drain` can stall the socket for good: waiters are woken by `setImmediate`.
 */
import {
  App,
  type HttpRequest,
  type HttpResponse,
  SSLApp,
  type TemplatedApp,
  type us_listen_socket,
  us_listen_socket_close,
  type us_socket_context_t,
  us_socket_local_port,
  type WebSocket,
} from 'uWebSockets.js';
import { Failure, toProblem } from '../../shared/failure.ts';
import { PROTOCOL, SOCKET_PATH, type Tag, TICKET_PROTOCOL_PREFIX } from '../../shared/frame.ts';
import type { ConnectionEvents, FanOut, Socket } from '../ports.ts';

export interface UwsServerOptions {
  readonly host: string;
  readonly port: number;
  /** Files (PEM) for TLS; without, connections come in clear, from a proxy on the same machine or network. */
  readonly tls?: { readonly certPath: string; readonly keyPath: string } | undefined;
  /** Whether other processes may listen on the same port; the kernel spreads connections over them. */
  readonly isShared?: boolean;
  /** Web origins whose pages may connect; a request without an Origin header comes from no browser. */
  readonly webOrigins: readonly string[];
  readonly onOpen: (socket: Socket) => ConnectionEvents;
  /** Why a further connection is not let in now; undefined when it is. */
  readonly refusal: () => Failure | undefined;
  /** After so long a silent socket is closed, though it was pinged; 8 to 960. */
  readonly idleSeconds: number;
  /** Largest message that is read, and how much may be queued for a peer before it is cut. */
  readonly frameBytes: number;
  readonly outboxBytes: number;
}

/** Read beyond the limit, so that a frame somewhat too large can be answered with 1009 instead of a cut. */
const EXTRA_FRAME_BYTES = 32 * 1024;
/** `ListenOptions.LIBUS_LISTEN_DEFAULT` and `LIBUS_LISTEN_EXCLUSIVE_PORT`, which exist in the library's types only. */
const SHARED_PORT = 0;
const EXCLUSIVE_PORT = 1;

interface UserData {
  /** Until it was handed on: some 450 bytes that nobody needs again. */
  ticket: string | undefined;
  socket: UwsSocket | undefined;
  handler: ConnectionEvents | undefined;
  isSlow: boolean;
}

export interface UwsServer {
  readonly port: number;
  readonly fanOut: FanOut;
  /** Stops listening; connections stay. */
  stopListening(): void;
  /** Ends everything that is left. */
  close(): void;
}

/** Listens; rejects when the port is taken. */
export function startUwsServer(options: UwsServerOptions): Promise<UwsServer> {
  const app = createApp(options.tls);
  app.ws<UserData>(SOCKET_PATH, {
    compression: 0,
    maxPayloadLength: options.frameBytes + EXTRA_FRAME_BYTES,
    maxBackpressure: options.outboxBytes,
    closeOnBackpressureLimit: true,
    // The library pings what is silent, 16 s before this (4 s where it is 8, 8 s below 32).
    idleTimeout: options.idleSeconds,
    sendPingsAutomatically: true,
    upgrade: (response, request, context) => upgrade(options, response, request, context),
    open: (ws) => open(options, ws),
    message: (ws, message, isBinary) => {
      const text = isBinary ? undefined : Buffer.from(message).toString('utf8');
      ws.getUserData().handler?.receive(text, message.byteLength);
    },
    dropped: (ws) => {
      ws.getUserData().isSlow = true;
    },
    drain: (ws) => ws.getUserData().socket?.wakeWhenEmpty(),
    close: (ws) => {
      const data = ws.getUserData();
      data.socket?.forget();
      data.handler?.ended(data.isSlow);
    },
  });
  app.any('/*', (response, request) => {
    const isSocketPath = request.getUrl() === SOCKET_PATH;
    refuse(response, new Failure(isSocketPath ? 'upgrade_required' : 'not_found'));
  });
  return listen(app, options);
}

function createApp(tls: UwsServerOptions['tls']): TemplatedApp {
  if (tls === undefined) return App();
  return SSLApp({ cert_file_name: tls.certPath, key_file_name: tls.keyPath });
}

function listen(app: TemplatedApp, { host, port, isShared = false }: UwsServerOptions): Promise<UwsServer> {
  return new Promise((resolve, reject) => {
    const started = (token: us_listen_socket | false) => {
      if (token === false) return reject(new Error(`Cannot listen on ${host}:${port}: the port is taken`));
      let listening: us_listen_socket | undefined = token;
      const stopListening = () => {
        if (listening !== undefined) us_listen_socket_close(listening);
        listening = undefined;
      };
      resolve({
        port: us_socket_local_port(token),
        fanOut: (channel, text) => void app.publish(channel, text),
        stopListening,
        close: () => {
          listening = undefined;
          app.close();
        },
      });
    };
    // Unless told otherwise the library shares the port silently. Its types leave this form out.
    const listenAt = app.listen.bind(app) as unknown as (
      host: string,
      port: number,
      option: number,
      started: (token: us_listen_socket | false) => void,
    ) => void;
    listenAt(host, port, isShared ? SHARED_PORT : EXCLUSIVE_PORT, started);
  });
}

function upgrade(
  { webOrigins, refusal }: UwsServerOptions,
  response: HttpResponse,
  request: HttpRequest,
  context: us_socket_context_t,
): void {
  const webOrigin = request.getHeader('origin');
  if (webOrigin !== '' && !webOrigins.includes(webOrigin))
    return refuse(response, new Failure('origin_not_allowed'));
  const protocols = request
    .getHeader('sec-websocket-protocol')
    .split(',')
    .map((protocol) => protocol.trim());
  if (!protocols.includes(PROTOCOL)) return refuse(response, new Failure('protocol_unsupported'));
  const refused = refusal();
  if (refused !== undefined) return refuse(response, refused);
  const ticket = protocols.find((protocol) => protocol.startsWith(TICKET_PROTOCOL_PREFIX));
  const data: UserData = {
    ticket: ticket?.slice(TICKET_PROTOCOL_PREFIX.length),
    socket: undefined,
    handler: undefined,
    isSlow: false,
  };
  response.upgrade(
    data,
    request.getHeader('sec-websocket-key'),
    PROTOCOL,
    request.getHeader('sec-websocket-extensions'),
    context,
  );
}

function open({ onOpen }: UwsServerOptions, ws: WebSocket<UserData>): void {
  const data = ws.getUserData();
  data.socket = new UwsSocket(ws);
  data.handler = onOpen(data.socket);
  data.handler.start(data.ticket);
  data.ticket = undefined;
}

function refuse(response: HttpResponse, failure: Failure): void {
  const problem = toProblem(failure, crypto.randomUUID());
  response.cork(() => {
    response
      .writeStatus(`${problem.status} ${problem.code}`)
      .writeHeader('content-type', 'application/problem+json')
      .writeHeader('cache-control', 'no-store');
    const { retryAfterMs } = problem;
    if (retryAfterMs !== undefined)
      response.writeHeader('retry-after', String(Math.ceil(retryAfterMs / 1_000)));
    response.end(JSON.stringify(problem), true);
  });
}

class UwsSocket implements Socket {
  #ws: WebSocket<UserData> | undefined;
  #waiting: (() => void)[] = [];

  constructor(ws: WebSocket<UserData>) {
    this.#ws = ws;
  }

  send(text: string): 'sent' | 'queued' | 'full' {
    if (this.#ws === undefined) return 'sent';
    const result = this.#ws.send(text);
    if (result === 2) return 'full';
    return result === 1 ? 'sent' : 'queued';
  }

  bufferedBytes(): number {
    return this.#ws?.getBufferedAmount() ?? 0;
  }

  drained(): Promise<void> {
    if (this.bufferedBytes() === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  join(channel: Tag): void {
    this.#ws?.subscribe(channel);
  }

  leave(channel: Tag): void {
    this.#ws?.unsubscribe(channel);
  }

  close(code: number, reason: string): void {
    this.#ws?.end(code, reason);
  }

  wakeWhenEmpty(): void {
    if (this.bufferedBytes() > 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    setImmediate(() => {
      for (const wake of waiting) wake();
    });
  }

  forget(): void {
    this.#ws = undefined;
    this.wakeWhenEmpty();
  }
}
