/**
 * The public listener: node:http, which Deno and Node both have, because only its `upgrade` event hands out the raw
 * socket that relay-deno.ts needs. Plain requests go to the app's `fetch`.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { Failure } from '../../shared/failure.ts';
import { errorFields, type Log } from '../../shared/log.ts';
import type { Random, Refuse } from '../ports.ts';
import { answerProblem } from './refusal-deno.ts';
import type { Relay } from './relay-deno.ts';

export interface ServerOptions {
  readonly host: string;
  /** 0 picks one. */
  readonly port: number;
  /** How long an idle connection is kept: longer than by a balancer, so that the balancer is the one who drops it. */
  readonly keepAliveMs: number;
  /** PEM texts for TLS; without, connections come in clear, from a proxy on the same machine or network. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** `peer`: address at the other end of the connection. */
  readonly fetch: (request: Request, peer: string | undefined) => Response | Promise<Response>;
  readonly relay: Relay;
  readonly refuse: Refuse;
  readonly random: Random;
  readonly log: Log;
}

export interface EdgeServer {
  /** The port it listens on. */
  readonly port: number;
  /** Stops listening, and cuts every connection once no request is running, or `graceMs` have passed. */
  close(graceMs: number): Promise<void>;
}

/** For the headers to arrive, and for the whole request of at most 64 KiB. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 20_000;
/** How often node:http looks for requests past their time; its own default is 30 s. */
const CHECK_INTERVAL_MS = 2_000;
/** Half of the usual hard limit of 20,000 files; every socket that is passed through takes a second one. */
const CONNECTIONS_MAX = 10_000;
/** Room for a ticket in the subprotocol, or an access token, beside what browsers send. */
const HEADERS_MAX_BYTES = 16 * 1024;

/** Listens; rejects with the system's error when it cannot, for instance because the port is taken. */
export async function startServer(options: ServerOptions): Promise<EdgeServer> {
  const { relay, log, host, port } = options;
  const server = create(options);
  const requests = countRequests(server);
  server.maxConnections = CONNECTIONS_MAX;
  server.on('upgrade', (request: IncomingMessage, socket, head: Uint8Array) =>
    relay.accept(request, socket as Socket, head),
  );
  server.on('clientError', (error, socket) => refuseBroken(error, socket as Socket, options));
  await listen(server, { host, port });
  // Accepting can fail at any time (no file left to open); unheard, that would end the process.
  server.on('error', (error) => log('error', 'server.failed', errorFields(error)));
  return {
    port: (server.address() as AddressInfo).port,
    close: (graceMs) => close(server, { requests, graceMs }),
  };
}

function create({ fetch, host, tls, keepAliveMs, ...options }: ServerOptions): Server {
  const settings = {
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: keepAliveMs,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    maxHeaderSize: HEADERS_MAX_BYTES,
  };
  const listener = getRequestListener(
    (request, { incoming }) => fetch(request, incoming.socket.remoteAddress),
    { hostname: host, errorHandler: (error) => malformed(error, options) },
  );
  return tls === undefined
    ? createServer(settings, listener)
    : createTlsServer({ ...settings, ...tls }, listener);
}

function listen(server: Server, address: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

interface Requests {
  /** Resolves when none is running. Called once. */
  ended(): Promise<void>;
}

function countRequests(server: Server): Requests {
  let running = 0;
  let tell: (() => void) | undefined;
  server.on('request', (_request, response) => {
    running += 1;
    response.once('close', () => {
      running -= 1;
      if (running === 0) tell?.();
    });
  });
  return {
    ended: () =>
      new Promise((resolve) => {
        tell = resolve;
        if (running === 0) resolve();
      }),
  };
}

/** A connection on which nobody asks anything must not hold up the end: some platforms kill 5 s after the signal. */
async function close(server: Server, { requests, graceMs }: { requests: Requests; graceMs: number }) {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await Promise.race([requests.ended(), closed]);
  server.closeAllConnections();
  await closed;
  clearTimeout(timer);
}

type Refusing = Pick<ServerOptions, 'refuse' | 'random'>;

/** A request whose target or Host header makes no URL never reaches the app. */
function malformed(error: unknown, { refuse, random }: Refusing): Response {
  const isRequest = error instanceof Error && error.name === 'RequestError';
  const thrown = isRequest ? new Failure('bad_request', { cause: error }) : error;
  const { problem, headers } = refuse(thrown, random.id());
  return new Response(JSON.stringify(problem), { status: problem.status, headers });
}

/** What is no HTTP, comes too slowly or has more headers than fit is refused on the bare socket. */
function refuseBroken(error: Error, socket: Socket, { refuse, random }: Refusing): void {
  const code = 'code' in error ? error.code : undefined;
  if (!socket.writable || code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const failure = new Failure(code === 'HPE_HEADER_OVERFLOW' ? 'payload_too_large' : 'bad_request');
  answerProblem(socket, refuse(failure, random.id()));
}
