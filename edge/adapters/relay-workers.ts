/**
 * Passes a client's WebSocket through to a node on Workers (workerd): `fetch` with an upgrade answers with the node's
 * socket, and a response that carries it hands it to the client. The runtime moves the frames itself, byte by byte, with
 * its own backpressure (Cloudflare, "WebSockets": "make a fetch with an Upgrade header").
 *
 * The runtime speaks the handshake on both sides and picks the keys, so of the client's request only what a node has to
 * know is passed on. Bounds are the platform's: open connections and time to connect cannot be set here.
 */
import { Failure } from '../../shared/failure.ts';
import { FAILURES } from '../../shared/failures.ts';
import { SOCKET_PATH } from '../../shared/frame.ts';
import type { NodeInfo } from '../../shared/internal/relay.ts';
import type { Header, NodeAnswer, Random, Refuse, Sockets, Upgrade } from '../ports.ts';

export interface WorkersRelayOptions {
  readonly sockets: Sockets;
  readonly refuse: Refuse;
  readonly random: Random;
}

/** Answers an upgrade with a socket, or with problem details; never rejects. */
export type WorkersRelay = (request: Request) => Promise<Response>;

/** Nodes tried for one socket. */
const NODES_TRIED = 2;
const ANSWER_MS = 3_000;
const REFUSAL_MAX_BYTES = 16 * 1024;
/** The runtime makes these itself, for either side. */
const OWN_HEADERS = ['sec-websocket-key', 'sec-websocket-version', 'sec-websocket-extensions'];

/** What workerd's answers have besides: the socket of a 101. */
interface Upgraded extends Response {
  readonly webSocket?: object | null;
}

export function createWorkersRelay({ sockets, refuse, random }: WorkersRelayOptions): WorkersRelay {
  return async (request) => {
    const requestId = random.id();
    try {
      const { pathname, search } = new URL(request.url);
      const upgrade = sockets.read({
        method: request.method,
        url: `${pathname}${search}`,
        headers: [...request.headers],
      });
      const candidates = (await sockets.nodesFor(upgrade, requestId)).slice(0, NODES_TRIED);
      return answerWith(await askInTurn(candidates, { sockets, upgrade, requestId }), requestId);
    } catch (error) {
      const { problem, headers } = refuse(error, requestId);
      return new Response(JSON.stringify(problem), { status: problem.status, headers });
    }
  };
}

interface Asking {
  readonly sockets: Sockets;
  readonly upgrade: Upgrade;
  readonly requestId: string;
}

/** As on other runtimes: only a node that was not reached, or takes nobody, is followed by another. */
async function askInTurn(candidates: readonly NodeInfo[], asking: Asking): Promise<Upgraded> {
  let cause: unknown;
  for (const { url } of candidates) {
    let response: Upgraded;
    try {
      response = await ask(url, asking);
    } catch (error) {
      cause = error;
      continue;
    }
    if (response.status === 101) return response;
    const failure = await failureOf(response, asking);
    cause = failure;
    if ((FAILURES[failure.code].status ?? 500) < 500) throw failure;
  }
  throw cause instanceof Failure ? cause : new Failure('unavailable', { cause });
}

/** Workers want http(s) where others want ws(s). */
function ask(url: string, { upgrade, requestId }: Asking): Promise<Upgraded> {
  const headers = upgrade.headers.filter(([name]) => !OWN_HEADERS.includes(name));
  const more: readonly Header[] = [
    ['upgrade', 'websocket'],
    ['x-request-id', requestId],
  ];
  return fetch(`${url.replace(/^ws/, 'http')}${SOCKET_PATH}`, {
    headers: [...headers, ...more].map(([name, value]): [string, string] => [name, value]),
    redirect: 'manual',
    signal: AbortSignal.timeout(ANSWER_MS),
  });
}

/** Hands the refusal to the core in the form it reads, so that it means the same on every runtime. */
async function failureOf(response: Response, { sockets, requestId }: Asking): Promise<Failure> {
  const body = new Uint8Array(await response.arrayBuffer()).slice(0, REFUSAL_MAX_BYTES);
  const head = new TextEncoder().encode(
    `HTTP/1.1 ${response.status} -\r\ncontent-length: ${body.length}\r\n\r\n`,
  );
  const answer: NodeAnswer | undefined = sockets.readAnswer(new Uint8Array([...head, ...body]), requestId);
  return answer === undefined || answer.isOpen ? new Failure('unavailable') : answer.failure;
}

function answerWith(upgraded: Upgraded, requestId: string): Response {
  const headers = new Headers({ 'x-request-id': requestId });
  const protocol = upgraded.headers.get('sec-websocket-protocol');
  if (protocol !== null) headers.set('sec-websocket-protocol', protocol);
  // `webSocket` is workerd's own; the standard's type does not know it.
  const init = { status: 101, headers, webSocket: upgraded.webSocket } as ResponseInit;
  return new Response(null, init);
}
