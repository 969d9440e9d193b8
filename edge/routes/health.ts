import { Hono } from 'hono';
import * as v from 'valibot';
import { Failure } from '../../shared/failure.ts';
import type { EdgeEnv } from '../access.ts';
import type { LimitProfile } from '../limits.ts';
import { describe } from '../openapi.ts';
import type { Clock, Lifecycle, Nodes, State } from '../ports.ts';
import { millisecondsSchema } from '../schemas.ts';

const aliveSchema = v.strictObject({ status: v.literal('ok') });
const partSchema = v.strictObject({ isUp: v.boolean(), ms: millisecondsSchema('Round trip') });
const reportSchema = v.strictObject({
  status: v.picklist(['ok', 'degraded']),
  state: partSchema,
  origin: v.strictObject({ ...partSchema.entries, nodes: v.pipe(v.number(), v.integer(), v.minValue(0)) }),
  limitProfile: v.pipe(
    v.picklist(['default', 'loadtest']),
    v.description('Budgets of calls in force; `loadtest` raises those of addresses'),
  ),
});
type Report = v.InferOutput<typeof reportSchema>;

/** Age up to which a report is given out again, so that asking for health is no way to make load. */
const REPORT_FRESH_MS = 1_000;

export interface HealthParts {
  readonly state: State;
  readonly nodes: Nodes;
  readonly lifecycle: Lifecycle;
  readonly clock: Clock;
  readonly limitProfile: LimitProfile;
}

/**
 * `/livez` (this process answers), `/readyz` (it wants new requests; nothing shared is asked, or one fault of a store
 * would take every edge out at once), `/healthz` (what it depends on, for people and alarms; always 200).
 */
export function healthRoutes({ state, nodes, lifecycle, clock, limitProfile }: HealthParts) {
  const report = cached(clock, (requestId: string) =>
    examine({ state, nodes, clock, limitProfile }, requestId),
  );
  return new Hono<EdgeEnv>()
    .get('/livez', describeCheck('Whether the process answers'), (c) =>
      c.json({ status: 'ok' as const }, 200),
    )
    .get('/readyz', describeCheck('Whether it takes requests', ['server_draining']), (c) => {
      if (lifecycle.isDraining()) throw new Failure('server_draining');
      return c.json({ status: 'ok' as const }, 200);
    })
    .get('/healthz', describeReport(), async (c) => c.json(await report(c.get('requestId')), 200));
}

async function examine(
  { state, nodes, clock, limitProfile }: Omit<HealthParts, 'lifecycle'>,
  requestId: string,
): Promise<Report> {
  const [store, origin] = await Promise.all([
    measure(clock, () => state.ping()),
    measure(clock, () => nodes.list(requestId)),
  ]);
  const ready = origin.value?.filter((node) => !node.isDraining).length ?? 0;
  return {
    status: store.isUp && ready > 0 ? 'ok' : 'degraded',
    state: { isUp: store.isUp, ms: store.ms },
    origin: { isUp: origin.isUp, ms: origin.ms, nodes: ready },
    limitProfile,
  };
}

async function measure<T>(clock: Clock, run: () => Promise<T>) {
  const startMs = clock.now();
  const ms = () => Math.max(0, Math.round(clock.now() - startMs));
  try {
    const value = await run();
    return { isUp: true, ms: ms(), value };
  } catch (error) {
    if (error instanceof Failure) return { isUp: false, ms: ms(), value: undefined };
    throw error;
  }
}

/** Runs once for all who ask within a second. */
function cached<T>(clock: Clock, run: (requestId: string) => Promise<T>): (requestId: string) => Promise<T> {
  let last: { readonly atMs: number; readonly value: Promise<T> } | undefined;
  return (requestId) => {
    const nowMs = clock.now();
    if (last === undefined || nowMs - last.atMs >= REPORT_FRESH_MS)
      last = { atMs: nowMs, value: run(requestId) };
    return last.value;
  };
}

function describeCheck(summary: string, failures: readonly 'server_draining'[] = []) {
  return describe({ summary, tag: 'service', status: 200, answer: aliveSchema, failures });
}

function describeReport() {
  return describe({
    summary: 'State of what the edge depends on',
    description:
      'For people and alarms, never for a balancer. `origin.nodes` counts nodes that take connections.',
    tag: 'service',
    status: 200,
    answer: reportSchema,
    failures: [],
  });
}
