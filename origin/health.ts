/**
 * The four health addresses, for the internal port:
 *
 * | address | for | tells |
 * |---|---|---|
 * | `/livez` | supervisor | this process answers |
 * | `/readyz` | balancer | this node may get new connections: only its own state, because a check of anything shared takes every node out at once |
 * | `/healthz` | people, alarms; never a balancer | everything, with numbers; 503 when a part does not answer |
 * | `/metrics` | Prometheus | counters and gauges |
 */
import { randomId } from '../shared/bytes.ts';
import { Failure } from '../shared/failure.ts';
import { PROTOCOL } from '../shared/frame.ts';
import { type HttpAnswer, type HttpHandler, jsonAnswer, problemAnswer } from './http.ts';

/** How busy this process is. */
export interface Load {
  /** 99th percentile of how late the event loop was, in the last whole window. */
  readonly eventLoopLagMs: number;
  readonly residentBytes: number;
}

/** Above these this node takes no new connections. */
export interface LoadLimits {
  readonly eventLoopLagMs: number;
  readonly residentBytes: number;
  readonly connections: number;
}

/** Round trips in milliseconds; undefined for a part that does not answer. */
export interface RoundTrips {
  readonly relayMs: number | undefined;
  readonly postgresMs: number | undefined;
}

/** Whether what other nodes announce arrives here: a subscription can be dead while its server answers. */
export interface Announcements {
  /** Milliseconds since the connection that was silent for longest brought the last one. */
  readonly ageMs: number;
  /** How many connections were replaced for their silence. */
  readonly replaced: number;
}

export interface HealthPorts {
  readonly node: string;
  /** Version of this program. */
  readonly version: string;
  readonly state: () => 'starting' | 'ready' | 'draining' | 'stopped';
  readonly connections: () => number;
  /** Whether delivery is held back, because this node cannot know who was banned. */
  readonly isSuspended: () => boolean;
  /** How many keys of the edge this node verifies tokens with. */
  readonly keys: number;
  readonly load: () => Load;
  readonly limits: LoadLimits;
  readonly probe: () => Promise<RoundTrips>;
  readonly announcements: Announcements;
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
}

/** Why a node takes no new connections. */
export type NotReady =
  | 'starting'
  | 'draining'
  | 'stopped'
  | 'keys'
  | 'suspended'
  | 'event_loop'
  | 'memory'
  | 'connections';

/** Answers GET and HEAD on the four addresses; nothing it says may be cached. */
export function createHealth(ports: HealthPorts): HttpHandler {
  const answers = new Map<string, () => HttpAnswer | Promise<HttpAnswer>>([
    ['/livez', () => jsonAnswer(200, { status: 'ok' })],
    ['/readyz', () => answerReady(ports)],
    ['/healthz', () => answerHealth(ports)],
    ['/metrics', () => answerMetrics(ports)],
  ]);
  return async ({ method, path }) => {
    const answer = answers.get(path.replace(/\?.*$/, ''));
    if (answer === undefined) return problemAnswer(new Failure('not_found'), randomId());
    if (method === 'GET' || method === 'HEAD') return answer();
    return problemAnswer(new Failure('method_not_allowed'), randomId(), { allow: 'GET, HEAD' });
  };
}

/** A silent connection is replaced after 8 s at most: beyond that, announcements do not arrive and replacing does not help. */
export const MAX_ANNOUNCEMENT_AGE_MS = 15_000;
/** How long an answer of the shared parts stays true enough: however many ask, they are asked once a second. */
const PROBE_LIFE_MS = 1_000;

/**
 * Asks the shared parts for their round trips, at most once a second; those who ask meanwhile share the answer. Takes
 * as long as the slower part's own deadline. Never rejects: a part that failed is undefined.
 */
export function createProbe({
  pingRelay,
  pingPostgres,
  now,
}: {
  readonly pingRelay: () => number | undefined | Promise<number | undefined>;
  readonly pingPostgres: () => Promise<number>;
  readonly now: () => number;
}): () => Promise<RoundTrips> {
  let last: { readonly startedMs: number; readonly trips: Promise<RoundTrips> } | undefined;
  const ask = async (): Promise<RoundTrips> => {
    const [relay, database] = await Promise.allSettled([(async () => pingRelay())(), pingPostgres()]);
    return {
      relayMs: relay.status === 'fulfilled' ? relay.value : undefined,
      postgresMs: database.status === 'fulfilled' ? database.value : undefined,
    };
  };
  return () => {
    const nowMs = now();
    if (last === undefined || nowMs - last.startedMs >= PROBE_LIFE_MS)
      last = { startedMs: nowMs, trips: ask() };
    return last.trips;
  };
}

function answerReady(ports: HealthPorts): HttpAnswer {
  const reasons = notReady(ports);
  if (reasons.length === 0) return jsonAnswer(200, { status: 'ready' });
  return jsonAnswer(503, { status: 'not ready', reasons });
}

function notReady({ state, keys, connections, isSuspended, load, limits }: HealthPorts): readonly NotReady[] {
  const { eventLoopLagMs, residentBytes } = load();
  const current = state();
  const reasons: NotReady[] = [];
  if (current !== 'ready') reasons.push(current);
  if (keys === 0) reasons.push('keys');
  if (isSuspended()) reasons.push('suspended');
  if (eventLoopLagMs > limits.eventLoopLagMs) reasons.push('event_loop');
  if (residentBytes > limits.residentBytes) reasons.push('memory');
  if (connections() >= limits.connections) reasons.push('connections');
  return reasons;
}

async function answerHealth(ports: HealthPorts): Promise<HttpAnswer> {
  const { relayMs, postgresMs } = await ports.probe();
  const { eventLoopLagMs, residentBytes } = ports.load();
  const reasons = notReady(ports);
  const { ageMs, replaced } = ports.announcements;
  const isHeard = ageMs <= MAX_ANNOUNCEMENT_AGE_MS;
  const isWell = relayMs !== undefined && postgresMs !== undefined && isHeard && reasons.length === 0;
  return jsonAnswer(isWell ? 200 : 503, {
    status: isWell ? 'ok' : 'degraded',
    node: ports.node,
    version: ports.version,
    protocol: PROTOCOL,
    state: ports.state(),
    notReady: reasons,
    connections: { current: ports.connections(), limit: ports.limits.connections },
    relay: describePart(relayMs),
    announcements: { ageMs: rounded(ageMs), limitMs: MAX_ANNOUNCEMENT_AGE_MS, replaced },
    postgres: describePart(postgresMs),
    eventLoop: { lagMs: rounded(eventLoopLagMs), limitMs: ports.limits.eventLoopLagMs },
    memory: { residentBytes, limitBytes: ports.limits.residentBytes },
  });
}

function describePart(roundTripMs: number | undefined) {
  return roundTripMs === undefined ? { isUp: false } : { isUp: true, roundTripMs: rounded(roundTripMs) };
}

async function answerMetrics({ metrics }: HealthPorts): Promise<HttpAnswer> {
  const { contentType, text } = await metrics();
  return {
    status: 200,
    headers: { 'content-type': contentType, 'cache-control': 'no-store' },
    body: text,
  };
}

/** Microseconds are enough for people. */
function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
