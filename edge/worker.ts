/**
 * Entry of the edge on Workers (workerd), the only place where that runtime's environment appears. Variables and secrets
 * are bindings of the same names as elsewhere. The app is built once for each isolate, by its first request.
 *
 * The platform sets `CF-Connecting-IP` itself, whatever a client sends; a self-hosted workerd must have something in
 * front that does so too.
 */
import { randomId } from '../shared/bytes.ts';
import { ConfigurationError } from '../shared/env.ts';
import { Failure } from '../shared/failure.ts';
import { createLog, errorFields } from '../shared/log.ts';
import { createSigner } from '../shared/token.ts';
import { createIdTokens } from './adapters/oidc-id-tokens.ts';
import { createOriginApi } from './adapters/origin-api.ts';
import { createWorkersRelay, type WorkersRelay } from './adapters/relay-workers.ts';
import { createUpstashLimiter } from './adapters/upstash-limiter.ts';
import { createUpstashState } from './adapters/upstash-state.ts';
import { createApp } from './app.ts';
import { EDGE_PREFIX, readConfig } from './config.ts';
import { budgetsOf } from './limits.ts';
import { createNodes } from './nodes.ts';
import { refuseWith } from './problem.ts';
import { createSockets } from './sockets.ts';
import { allowOrigins } from './web-origins.ts';

interface Edge {
  readonly fetch: (request: Request) => Response | Promise<Response>;
  readonly relay: WorkersRelay;
}

/** Where the platform tells who calls. */
const ADDRESS_HEADER = 'cf-connecting-ip';

const log = createLog({ write: (line) => console.log(line), now: Date.now, service: 'edge' });
const random = { id: () => randomId() };
let edge: Promise<Edge> | undefined;

export default {
  async fetch(request: Request, bindings: Readonly<Record<string, unknown>>): Promise<Response> {
    edge ??= start(bindings);
    let running: Edge;
    try {
      running = await edge;
    } catch (error) {
      return cannotStart(error);
    }
    return request.headers.get('upgrade') === null ? running.fetch(request) : running.relay(request);
  },
};

/** Every fault is told once, where the operator looks, and nothing of it to whoever called. */
function cannotStart(error: unknown): Response {
  edge = undefined;
  if (error instanceof ConfigurationError) console.error(error.message);
  else log('error', 'edge.cannot_start', errorFields(error));
  const failure = new Failure('unavailable', { cause: error });
  const { problem, headers } = refuseWith(() => undefined)(failure, random.id());
  return new Response(JSON.stringify(problem), { status: problem.status, headers });
}

async function start(bindings: Readonly<Record<string, unknown>>): Promise<Edge> {
  const config = readConfig(variablesOf(bindings));
  const clock = { now: Date.now };
  const signer = await createSigner(config.publicUrl, config.signingKeys.reveal());
  const origin = createOriginApi({ urls: config.originApi, signer, clock, random });
  const { stateUrl: url, limitProfile, limitTimeoutMs: timeoutMs } = config;
  const token = config.stateToken.reveal();
  const state = createUpstashState({ url, token });
  const limiter = createUpstashLimiter({ url, token, budgets: budgetsOf(limitProfile), timeoutMs, log });
  // A call that belongs to one request ends with it, so others must not wait for its answer.
  const nodes = createNodes({ origin, clock, sharesCalls: false });
  const lifecycle = { isDraining: () => false };
  const { oidcIssuer: issuer, oidcClientId: clientId } = config;
  const idTokens = issuer === '' ? undefined : createIdTokens({ issuer, clientId });
  const ports = { state, origin, nodes, limiter, clock, random, lifecycle, log, idTokens };
  const app = await createApp(ports, config);
  const sockets = createSockets({ nodes, allowsOrigin: allowOrigins(config) });
  return {
    relay: createWorkersRelay({ sockets, refuse: refuseWith(log), random }),
    fetch: (request) => app.fetch(request, { address: request.headers.get(ADDRESS_HEADER) ?? undefined }),
  };
}

function variablesOf(bindings: Readonly<Record<string, unknown>>): Record<string, string> {
  const ours = Object.entries(bindings).filter(([name]) => name.startsWith(EDGE_PREFIX));
  return Object.fromEntries(ours.map(([name, value]) => [name, String(value)]));
}
