/**
 * Holds sockets, each of a device with its own ticket, straight to the nodes, while probes cross nodes: the promise is that
 * the probes do not notice.
 *
 *     k6 run -e EDGE_URL=https://edge.example -e SOCKETS=10000 -e SECONDS=300 loadtest/hold.ts
 *
 * SOCKETS (10,000), SECONDS (300) of the part that counts, RAMP seconds before it (60 sockets a second), PROBES (10).
 */
import type { Options } from 'k6/options';
import { gather, hold, packs, shareOf } from './lib/crowd.ts';
import { beside, once, planOf, runGenerator, runProbe } from './lib/plan.ts';
import { promise } from './lib/promises.ts';
import { seconds, sockets, whole } from './lib/settings.ts';
import { summarise, TREND_STATS } from './lib/summary.ts';

const SOCKETS = sockets(10_000);
const RAMP_S = whole('RAMP', Math.ceil(SOCKETS / 60) + 10, [1, 86_400]);
const PLAN = planOf({ rampS: RAMP_S, seconds: seconds(300) });

export const options: Options = {
  scenarios: {
    crowd: once(PLAN, 'crowd', packs(SOCKETS)),
    ...beside(PLAN, whole('PROBES', 10, [1, 1_000])),
  },
  thresholds: { ...promise('realtime', 'delivery', 'closes', 'refusals'), present: ['rate==1'] },
  summaryTrendStats: TREND_STATS,
};

export async function crowd(): Promise<void> {
  const members = await gather({ sockets: SOCKETS, rampMs: PLAN.fromMs * 0.9 });
  await hold(members, { wanted: shareOf(SOCKETS), ...PLAN });
}

export const probes = () => runProbe(PLAN);
export const generator = () => runGenerator(PLAN);
export const handleSummary = summarise('hold');
