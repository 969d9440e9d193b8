/**
 * An HTTP/1.1 listener over node:http for callers we know: the edge, balancers, operators. Used twice, for the internal
 * API and for health. It reads a bounded body within a bounded time, hands it to a function, and writes the answer.
 *
 * Keep-alive: an idle connection must outlive the caller's own idle time, or the caller's next request meets a closing
 * socket and fails for no reason (the 502s of a balancer). Balancers wait 60 s by default, Deno's fetch 90 s, so the
 * default is 95 s. From the moment `close` is called every answer says `connection: close`.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { randomId } from '../../shared/bytes.ts';
import { Failure, toFailure } from '../../shared/failure.ts';
import type { FailureCode } from '../../shared/failures.ts';
import { errorFields, type Log } from '../../shared/log.ts';
import { type HttpAnswer, type HttpHandler, problemAnswer } from '../http.ts';

export interface HttpServerOptions {
  readonly host: string;
  /** 0 picks one. */
  readonly port: number;
  /** Largest body; a larger one is refused with `payload_too_large` before it is read to its end. */
  readonly bodyBytes: number;
  readonly handle: HttpHandler;
  readonly log: Log;
  /** How long an idle connection is kept. */
  readonly keepAliveMs: number;
  readonly deadlines?: Readonly<Record<keyof typeof HTTP_DEADLINES, number>>;
}

export interface HttpServer {
  /** The port it listens on. */
  readonly port: number;
  /** Stops listening, lets running requests end within `graceMs`, then cuts what is left. */
  close(graceMs?: number): Promise<void>;
}

export const HTTP_DEADLINES = Object.freeze({
  /** For the headers to arrive, and for the whole request; both are small. */
  headersMs: 5_000,
  requestMs: 10_000,
  /** Above every deadline inside the handlers, so that it only ever meets a bug. */
  answerMs: 10_000,
});

/** How often node:http looks for requests past their time; its own default is 30 s. */
const CHECK_INTERVAL_MS = 1_000;
/** A token is about 500 bytes; nothing else large travels in headers. */
const HEADERS_MAX_BYTES = 8 * 1024;
/** A few edges or balancers with their pools; more is somebody else. */
const CONNECTIONS_MAX = 1_024;
const CLOSE_GRACE_MS = 3_000;
/** While closing: for requests that are on their way on a connection nothing was asked on yet. */
const LINGER_MS = 100;

/** Listens; rejects with the system's error when it cannot, for instance because the port is taken. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { log, keepAliveMs, deadlines = HTTP_DEADLINES } = options;
  const life: Life = { isClosing: false, hasLingered: false, running: 0 };
  const server = createServer(
    {
      keepAliveTimeout: keepAliveMs,
      headersTimeout: deadlines.headersMs,
      requestTimeout: deadlines.requestMs,
      connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, deadlines.headersMs),
      maxHeaderSize: HEADERS_MAX_BYTES,
    },
    (request, response) => {
      life.running += 1;
      response.on('close', () => {
        life.running -= 1;
        closeWhenDone(server, life);
      });
      void serve(request, response, options).then((answer) => {
        if (answer === undefined) return;
        const mustClose = life.isClosing || !request.complete;
        write(response, answer, { mustClose, hasBody: request.method !== 'HEAD' });
      });
    },
  );
  server.maxConnections = CONNECTIONS_MAX;
  server.on('clientError', refuseMalformed);
  const port = await listen(server, options);
  // Accepting can fail at any time (no file left to open); unheard, that would end the process.
  server.on('error', (error) => log('error', 'http.accept_failed', errorFields(error)));
  return { port, close: (graceMs = CLOSE_GRACE_MS) => close(server, life, graceMs) };
}

interface Life {
  isClosing: boolean;
  /** Closing, and what was on its way has arrived. */
  hasLingered: boolean;
  /** Requests whose answer has not gone out. */
  running: number;
}

/** The answer to one request, whatever happens; undefined when the caller went away before it was read. Never rejects. */
async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  { bodyBytes, handle, log, deadlines = HTTP_DEADLINES }: HttpServerOptions,
): Promise<HttpAnswer | undefined> {
  // A caller that goes away while we write is its own affair; without a listener it would end the process.
  response.on('error', () => undefined);
  try {
    const body = await readBody(request, bodyBytes);
    if (body === undefined) return undefined;
    return await within(deadlines.answerMs, handle({ ...describeRequest(request), body }));
  } catch (error) {
    const failure = toFailure(error);
    const requestId = randomId();
    if (failure.code === 'internal')
      log('error', 'http.failed', { requestId, code: 'internal', ...errorFields(failure.cause) });
    return problemAnswer(failure, requestId);
  }
}

function describeRequest({ method = '', url = '', headers }: IncomingMessage) {
  // Only `set-cookie` comes as a list, and nobody sends that to a server.
  return { method, path: url, headers: headers as Readonly<Record<string, string | undefined>> };
}

/** The whole body, or undefined when the caller went away. Throws `payload_too_large` as soon as it is certain. */
async function readBody(
  request: IncomingMessage,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(request);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      bytes += (chunk as Uint8Array).length;
      if (bytes > maxBytes) throw tooLarge(request);
      chunks.push(chunk as Uint8Array);
    }
  } catch (error) {
    if (error instanceof Failure) throw error;
    return undefined;
  }
  return new Uint8Array(Buffer.concat(chunks));
}

/** The rest is read and thrown away while the answer is on its way: a reset would destroy the answer. */
function tooLarge(request: IncomingMessage): Failure {
  request.resume();
  return new Failure('payload_too_large');
}

async function within(limitMs: number, answer: Promise<HttpAnswer>): Promise<HttpAnswer> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Failure('unavailable')), limitMs);
  });
  try {
    return await Promise.race([answer, limit]);
  } finally {
    clearTimeout(timer);
  }
}

function write(
  response: ServerResponse,
  { status, headers, body }: HttpAnswer,
  { mustClose, hasBody }: { mustClose: boolean; hasBody: boolean },
): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, {
    ...headers,
    'content-length': bytes.length,
    ...(mustClose ? { connection: 'close' } : {}),
  });
  response.end(hasBody ? bytes : undefined);
}

/** What is no HTTP at all, or has too large headers, or came too late: told as far as anybody listens, and cut. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const code: FailureCode = error.code === 'HPE_HEADER_OVERFLOW' ? 'payload_too_large' : 'bad_request';
  const { status, headers, body } = problemAnswer(new Failure(code), randomId());
  const lines = Object.entries({
    ...headers,
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.end(`HTTP/1.1 ${status} ${code}\r\n${head}\r\n${body}`);
}

function listen(server: Server, { host, port }: HttpServerOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

function close(server: Server, life: Life, graceMs: number): Promise<void> {
  life.isClosing = true;
  return new Promise((resolve) => {
    const timers = [
      setTimeout(() => server.closeAllConnections(), graceMs),
      setTimeout(() => {
        life.hasLingered = true;
        closeWhenDone(server, life);
      }, LINGER_MS),
    ];
    server.close(() => {
      for (const timer of timers) clearTimeout(timer);
      resolve();
    });
  });
}

/** Cuts every connection once nothing runs; node:http on its own keeps those on which nothing was asked yet. */
function closeWhenDone(server: Server, { hasLingered, running }: Life): void {
  if (hasLingered && running === 0) server.closeAllConnections();
}
