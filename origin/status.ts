/** The status page of a node, on its internal port: for eyes, where no dashboard is at hand. */
import { randomId } from '../shared/bytes.ts';
import { Failure } from '../shared/failure.ts';
import type { NodeInfo } from '../shared/internal/relay.ts';
import { type HttpAnswer, type HttpHandler, jsonAnswer, problemAnswer } from './http.ts';

export interface StatusFile {
  readonly type: string;
  readonly text: string;
}

export interface StatusPorts {
  /** By path: `/status` and what it loads. */
  readonly files: ReadonlyMap<string, StatusFile>;
  /** The answer of `/healthz`. */
  readonly health: () => Promise<HttpAnswer>;
  readonly totals: () => { readonly publishes: number; readonly deliveries: number };
  readonly relayLagMs: () => number;
  /** Nodes of the whole service; rejects while the relay is away. */
  readonly nodes: () => Promise<readonly NodeInfo[]>;
  readonly now: () => number;
}

/** Everything from here, nothing inline, nothing from elsewhere, in no frame. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; " +
  "form-action 'none'; frame-ancestors 'none'";

/** Answers `/status…`; everything else is left to `next`. */
export function withStatus(ports: StatusPorts, next: HttpHandler): HttpHandler {
  return async (request) => {
    const path = request.path.replace(/\?.*$/, '');
    if (path !== '/status' && !path.startsWith('/status/')) return next(request);
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return problemAnswer(new Failure('method_not_allowed'), randomId(), { allow: 'GET, HEAD' });
    if (path === '/status/data.json') return jsonAnswer(200, await readStatus(ports));
    const file = ports.files.get(path);
    return file === undefined ? problemAnswer(new Failure('not_found'), randomId()) : pageAnswer(file);
  };
}

function pageAnswer({ type, text }: StatusFile): HttpAnswer {
  return {
    status: 200,
    headers: {
      'content-type': `${type}; charset=utf-8`,
      'content-security-policy': POLICY,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    },
    body: text,
  };
}

async function readStatus({ health, totals, relayLagMs, nodes, now }: StatusPorts) {
  const [{ status, body }, known] = await Promise.all([health(), nodes().catch(() => [])]);
  const told = JSON.parse(body) as { relay: object };
  return {
    ...told,
    isWell: status === 200,
    atMs: now(),
    totals: totals(),
    relay: { ...told.relay, lagMs: relayLagMs() },
    nodes: [...known].sort((a, b) => (a.node < b.node ? -1 : 1)),
  };
}
