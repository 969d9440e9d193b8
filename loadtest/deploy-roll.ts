/**
 * Every node is replaced, one after another, while sockets are held and calls are made: nodes ask their clients to move, and
 * each opens its next connection before it leaves the old one.
 *
 *     npm run loadtest -- deploy-roll                replaces the nodes of its own stack by itself
 *     k6 run -e EDGE_URL=https://edge.example -e SOCKETS=2000 loadtest/deploy-roll.ts
 *                                                    deploy when it says that it counts from now
 *
 * SOCKETS (500), SECONDS (60). The promise: everybody is there at the end, and nobody was away or refused meanwhile.
 * (`npm run roll` counts messages over the same; nothing may be lost there.)
 */
import type { Options } from 'k6/options';
import { packs } from './lib/crowd.ts';
import { pause, timed } from './lib/edge.ts';
import { once, planOf, runGenerator } from './lib/plan.ts';
import { nowMs, promise } from './lib/promises.ts';
import { runReturning } from './lib/returning.ts';
import { seconds, sockets, whole } from './lib/settings.ts';
import { summarise, TREND_STATS } from './lib/summary.ts';

const SOCKETS = sockets(500);
const RAMP_S = whole('RAMP', Math.ceil(SOCKETS / 60) + 10, [1, 86_400]);
const PLAN = planOf({ rampS: RAMP_S, seconds: seconds(60) });

export const options: Options = {
  scenarios: {
    crowd: once(PLAN, 'crowd', packs(SOCKETS)),
    calls: once(PLAN, 'calls', 1),
    generator: once(PLAN, 'generator', 1),
  },
  thresholds: {
    ...promise('api', 'refusals'),
    present: ['rate==1'],
    cuts: ['count<1'],
    moves: [`count>=${SOCKETS}`],
  },
  summaryTrendStats: TREND_STATS,
};

export async function calls(): Promise<void> {
  await pause(PLAN.fromMs - nowMs());
  while (nowMs() < PLAN.untilMs) {
    await timed({ method: 'GET', path: '/v1/sign-up' });
    await pause(250);
  }
}

export const crowd = () => runReturning(PLAN, SOCKETS);
export const generator = () => runGenerator(PLAN);
export const handleSummary = summarise('deploy-roll');
