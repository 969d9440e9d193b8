/** When things happen in a run: a ramp that is left out of the figures, then the part that counts. */
import type { PerVUIterationsScenario } from 'k6/options';
import { watchGenerator } from './generator.ts';
import { Probe } from './probe.ts';
import { accepted } from './promises.ts';

export interface Plan {
  /** Milliseconds since the run began. */
  readonly fromMs: number;
  readonly untilMs: number;
}

/** After the end, for what is under way and for closing. */
const LEFTOVER_S = 60;

export function planOf({ rampS, seconds }: { readonly rampS: number; readonly seconds: number }): Plan {
  return { fromMs: rampS * 1_000, untilMs: (rampS + seconds) * 1_000 };
}

/** So many virtual users that each run this function once. */
export function once(plan: Plan, exec: string, vus: number): PerVUIterationsScenario {
  const maxDuration = `${Math.ceil(plan.untilMs / 1_000) + LEFTOVER_S}s`;
  return { executor: 'per-vu-iterations', exec, vus, iterations: 1, maxDuration };
}

/** Probes and the watch over the generator, which every scenario has; beside them the load. */
export function beside(plan: Plan, probes: number): Record<'probes' | 'generator', PerVUIterationsScenario> {
  return { probes: once(plan, 'probes', probes), generator: once(plan, 'generator', 1) };
}

/** Probes of 1 KiB, twice a second each: enough for a 99th percentile within a minute, too few to be a load. */
export async function runProbe(plan: Plan): Promise<void> {
  const probe = await Probe.open();
  accepted.add((await probe?.run({ ...plan, everyMs: 500, bytes: 1_024 })) ?? 0);
  probe?.close();
}

export function runGenerator(plan: Plan): Promise<void> {
  return watchGenerator(plan);
}
