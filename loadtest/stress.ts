/**
 * Messages at a rate that grows step by step, until the promise breaks: where the knee is.
 *
 *     k6 run -e EDGE_URL=https://edge.example -e RATE=200 -e STEPS=8 loadtest/stress.ts
 *
 * RATE (100) of the first step, each next one half as much again; STEPS (8) of SECONDS (10) each; SOCKETS (40): half of them
 * write, half read, on two nodes. Only the first step has to keep the promise. k6 itself may be what gives way first: its own
 * lag stands beside every step, and steps in which it was late say nothing.
 */
import type { Options } from 'k6/options';
import { pause } from './lib/edge.ts';
import { once, planOf } from './lib/plan.ts';
import { Probe } from './lib/probe.ts';
import { accepted, lag, nowMs, promise } from './lib/promises.ts';
import { rate, seconds, sockets, whole } from './lib/settings.ts';
import { kneeOf, summarise, TREND_STATS } from './lib/summary.ts';

const STEPS = whole('STEPS', 8, [1, 30]);
const STEP_MS = seconds(10) * 1_000;
const PAIRS = Math.max(Math.floor(sockets(40) / 2), 1);
const RATE = rate(100);
const GROWTH = 1.5;
/** Between two steps, for what is under way. */
const REST_MS = 2_000;
const RAMP_S = Math.ceil(PAIRS / 4) + 5;
const PLAN = planOf({ rampS: RAMP_S, seconds: (STEPS * (STEP_MS + REST_MS)) / 1_000 });
const LAG_EVERY_MS = 100;

const rates = Array.from({ length: STEPS }, (_, step) => Math.round(RATE * GROWTH ** step));
const shown = rates.flatMap((perSecond, step) => [
  [`realtime_ms{rate:${perSecond}}`, step === 0 ? ['p(99)<50'] : ['p(99)>=0']],
  [`generator_lag_ms{rate:${perSecond}}`, ['p(99)>=0']],
  [`accepted{rate:${perSecond}}`, ['count>=0']],
]);

export const options: Options = {
  scenarios: { pairs: once(PLAN, 'pairs', PAIRS), generator: once(PLAN, 'generator', 1) },
  thresholds: { ...promise('delivery'), ...Object.fromEntries(shown) },
  summaryTrendStats: TREND_STATS,
};

const stepOf = (step: number) => {
  const fromMs = PLAN.fromMs + step * (STEP_MS + REST_MS);
  return { fromMs, untilMs: fromMs + STEP_MS, tags: { rate: String(rates[step]) } };
};

export async function pairs(): Promise<void> {
  const probe = await Probe.open();
  if (probe === undefined) return;
  for (let step = 0; step < STEPS; step += 1) {
    const { fromMs, untilMs, tags } = stepOf(step);
    await pause(fromMs - nowMs());
    const everyMs = (1_000 * PAIRS) / (rates[step] ?? RATE);
    const count = await probe.run({ fromMs, untilMs, everyMs, bytes: 1_024, tags });
    accepted.add(count, tags);
  }
  probe.close();
}

export async function generator(): Promise<void> {
  for (let step = 0; step < STEPS; step += 1) {
    const { fromMs, untilMs, tags } = stepOf(step);
    await pause(fromMs - nowMs());
    while (nowMs() < untilMs) {
      const dueMs = nowMs() + LAG_EVERY_MS;
      await pause(LAG_EVERY_MS);
      lag.add(Math.max(nowMs() - dueMs, 0), tags);
    }
  }
}

export const handleSummary = summarise('stress', kneeOf(rates));
