/**
 * A node dies, and everybody it held comes back at once: to the other nodes, with jitter, each with a new ticket.
 *
 *     npm run loadtest -- reconnect-storm            kills a node of its own stack by itself
 *     k6 run -e EDGE_URL=https://edge.example -e SOCKETS=2000 loadtest/reconnect-storm.ts
 *                                                    kill a node when it says that it counts from now
 *
 * SOCKETS (1,000), SECONDS (45), BACK_MS (15,000): within which 99 of 100 must be back. All must be back at the end.
 */
import type { Options } from 'k6/options';
import { packs } from './lib/crowd.ts';
import { once, planOf, runGenerator } from './lib/plan.ts';
import { promise } from './lib/promises.ts';
import { runReturning } from './lib/returning.ts';
import { seconds, sockets, whole } from './lib/settings.ts';
import { summarise, TREND_STATS } from './lib/summary.ts';

const SOCKETS = sockets(1_000);
const RAMP_S = whole('RAMP', Math.ceil(SOCKETS / 60) + 10, [1, 86_400]);
const PLAN = planOf({ rampS: RAMP_S, seconds: seconds(45) });
const BACK_MS = whole('BACK_MS', 15_000, [100, 600_000]);

export const options: Options = {
  scenarios: { crowd: once(PLAN, 'crowd', packs(SOCKETS)), generator: once(PLAN, 'generator', 1) },
  thresholds: {
    ...promise(),
    away_ms: [`p(99)<${BACK_MS}`],
    present: ['rate==1'],
  },
  summaryTrendStats: TREND_STATS,
};

export const crowd = () => runReturning(PLAN, SOCKETS);
export const generator = () => runGenerator(PLAN);
export const handleSummary = summarise('reconnect-storm');
