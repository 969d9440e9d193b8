/**
 * Passes a client's WebSocket through to a node, byte by byte, on the `upgrade` event of a node:http server; the same
 * on Deno and on Node. Compared with joining two WebSocket objects this keeps text and binary, close codes, extensions
 * and above all backpressure as they are (measured on Deno 2.9: p50 +0.1 to 0.2 ms; with objects a client that does not
 * read let the process grow to 661 MB).
 *
 * checked ──dial()──► asking ──101──► joined ──► ended. Until the node has answered 101, no byte behind the client's
 * request reaches it: a client that is refused could otherwise send requests of its own past the edge. Passing through
 * confers no trust: the node checks the ticket as if the client had come directly.
 *
 * Bounds: sockets and handshakes that are open at once, time to connect, time to answer, size of the answer; the head of
 * the request is bounded by the server.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Failure, isFailure } from '../../shared/failure.ts';
import { FAILURES } from '../../shared/failures.ts';
import type { NodeInfo } from '../../shared/internal/relay.ts';
import type { NodeAnswer, ProblemAnswer, Random, RawRequest, Refuse, Sockets, Upgrade } from '../ports.ts';
import { ask, dial, makeLively } from './dial-deno.ts';
import { answerProblem } from './refusal-deno.ts';
import { splice } from './splice-deno.ts';

export interface RelayLimits {
  /** Sockets passed through at once; each takes two of the process's files. */
  readonly sockets: number;
  /** Handshakes under way at once. */
  readonly handshakes: number;
  readonly connectMs: number;
  readonly answerMs: number;
}

/** Two files a socket, against the usual hard limit of 20,000 files; a node answers in milliseconds or not at all. */
const LIMITS: RelayLimits = { sockets: 8_000, handshakes: 500, connectMs: 2_000, answerMs: 3_000 };
/** Nodes tried for one socket. */
const NODES_TRIED = 2;
const RETRY_WHEN_FULL_MS = 1_000;

export interface RelayOptions {
  readonly sockets: Sockets;
  readonly refuse: Refuse;
  readonly random: Random;
  readonly limits?: Partial<RelayLimits>;
}

export interface Relay {
  /** How many sockets are passed through now. */
  readonly sockets: number;
  /** Takes an upgrade off the server; answers it with a socket or with problem details. */
  accept(request: IncomingMessage, client: Socket, early: Uint8Array): void;
  /** Ends every socket that is passed through. A close frame cannot be put between somebody else's frames. */
  close(): void;
}

interface Handshake {
  readonly client: Socket;
  readonly early: Uint8Array;
  readonly requestId: string;
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal;
}

export function createRelay({ sockets, refuse, random, limits }: RelayOptions): Relay {
  const bounds = { ...LIMITS, ...limits };
  const joined = new Set<Socket>();
  const waiting = new Set<Socket>();

  const open = async (upgrade: Upgrade, { client, early, requestId, signal }: Handshake): Promise<void> => {
    const candidates = (await sockets.nodesFor(upgrade, requestId)).slice(0, NODES_TRIED);
    const { socket, answer } = await askInTurn(candidates, { sockets, upgrade, requestId, signal, bounds });
    if (client.destroyed) {
      socket.destroy();
      return;
    }
    client.write(answer.head);
    // Over TLS, Deno (2.9) fails an empty write with EPERM and closes the socket.
    if (answer.rest.length > 0) client.write(answer.rest);
    if (early.length > 0) socket.write(early);
    joined.add(client);
    splice(client, socket, () => joined.delete(client));
  };

  const accept = async (request: RawRequest, handshake: Handshake): Promise<void> => {
    const { client } = handshake;
    waiting.add(client);
    try {
      const upgrade = sockets.read(request);
      if (joined.size + waiting.size > bounds.sockets || waiting.size > bounds.handshakes)
        throw new Failure('unavailable', { detail: 'Too many sockets', retryAfterMs: RETRY_WHEN_FULL_MS });
      await open(upgrade, handshake);
    } catch (error) {
      answerProblem(client, withAllow(error, refuse(error, handshake.requestId)));
    } finally {
      waiting.delete(client);
    }
  };

  return {
    accept: (request, client, early) => {
      const gone = new AbortController();
      client.on('close', () => gone.abort());
      // Without a listener a client that breaks off would end the process.
      client.on('error', () => client.destroy());
      makeLively(client);
      void accept(rawOf(request), { client, early, requestId: random.id(), signal: gone.signal });
    },
    get sockets() {
      return joined.size;
    },
    close: () => {
      for (const client of [...joined, ...waiting]) client.destroySoon();
    },
  };
}

/** RFC 9110 §15.5.6: whoever is told that a method is not allowed is told which one is. */
function withAllow(thrown: unknown, { problem, headers }: ProblemAnswer): ProblemAnswer {
  return {
    problem,
    headers: isFailure(thrown, 'method_not_allowed') ? { ...headers, allow: 'GET' } : headers,
  };
}

function rawOf({ method = '', url = '', rawHeaders }: IncomingMessage): RawRequest {
  const headers: [string, string][] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    headers.push([rawHeaders[i] ?? '', rawHeaders[i + 1] ?? '']);
  return { method, url, headers };
}

interface Asking {
  readonly sockets: Sockets;
  readonly upgrade: Upgrade;
  readonly requestId: string;
  readonly signal: AbortSignal;
  readonly bounds: RelayLimits;
}
interface Opened {
  readonly socket: Socket;
  readonly answer: Extract<NodeAnswer, { isOpen: true }>;
}

/**
 * Asks one node after the other. Only a node that cannot be reached, or that says itself that it takes nobody, is
 * followed by another one: once a node may have seen the ticket, it may have used it up.
 */
async function askInTurn(candidates: readonly NodeInfo[], asking: Asking): Promise<Opened> {
  const patience = { timeoutMs: asking.bounds.connectMs, signal: asking.signal };
  let cause: unknown;
  for (const { url } of candidates) {
    const target = new URL(url);
    let socket: Socket;
    try {
      socket = await dial(target, patience);
    } catch (error) {
      cause = error;
      continue;
    }
    const answer = await askOne(socket, target, asking);
    if (answer.isOpen) return { socket, answer };
    socket.destroy();
    cause = answer.failure;
    if ((FAILURES[answer.failure.code].status ?? 500) < 500) throw answer.failure;
  }
  throw cause instanceof Failure ? cause : new Failure('unavailable', { cause });
}

async function askOne(socket: Socket, target: URL, asking: Asking): Promise<NodeAnswer> {
  const { sockets, upgrade, requestId, signal, bounds } = asking;
  try {
    const request = sockets.requestFor(upgrade, { host: target.host, requestId });
    const read = (bytes: Uint8Array) => sockets.readAnswer(bytes, requestId);
    return await ask(socket, { request, read }, { timeoutMs: bounds.answerMs, signal });
  } catch (cause) {
    throw new Failure('unavailable', { cause });
  }
}
