/**
 * Devices that come at a steady rate, each signed up, signed in and connected with its own ticket, straight to the nodes.
 *
 *     k6 run -e EDGE_URL=https://edge.example -e RATE=50 -e SECONDS=60 loadtest/connect-ramp.ts
 *
 * RATE (40) devices a second, SECONDS (60), PROBES (4). The promise: nobody is refused, and neither calls nor probes are late.
 */
import type { Options } from 'k6/options';
import { gather, hold, PACKED, packs } from './lib/crowd.ts';
import { pause, timed } from './lib/edge.ts';
import { beside, once, planOf, runGenerator, runProbe } from './lib/plan.ts';
import { nowMs, promise } from './lib/promises.ts';
import { rate, seconds, whole } from './lib/settings.ts';
import { summarise, TREND_STATS } from './lib/summary.ts';

const SECONDS = seconds(60);
const SOCKETS = Math.max(rate(40) * SECONDS, PACKED);
/** Only the probes' own sign-up is left out: here the ramp is what counts. */
const PLAN = planOf({ rampS: 3, seconds: SECONDS });
const PROBE_MS = 500;

export const options: Options = {
  scenarios: {
    crowd: once(PLAN, 'crowd', packs(SOCKETS)),
    calls: once(PLAN, 'calls', 1),
    ...beside(PLAN, whole('PROBES', 4, [1, 1_000])),
  },
  thresholds: promise('realtime', 'api', 'delivery', 'closes', 'refusals'),
  summaryTrendStats: TREND_STATS,
};

export async function crowd(): Promise<void> {
  const members = await gather({ sockets: SOCKETS, rampMs: PLAN.untilMs });
  await hold(members, { wanted: members.length, fromMs: PLAN.untilMs, untilMs: PLAN.untilMs });
}

/** How long a call takes meanwhile, seen by somebody who comes now and then. */
export async function calls(): Promise<void> {
  await pause(PLAN.fromMs - nowMs());
  while (nowMs() < PLAN.untilMs) {
    await timed({ method: 'GET', path: '/v1/sign-up' });
    await pause(PROBE_MS);
  }
}

export const probes = () => runProbe(PLAN);
export const generator = () => runGenerator(PLAN);
export const handleSummary = summarise('connect-ramp');
