/** Shows that a run finds what is planted, and that it finds nothing where nothing is. */
import { type Plant, plantFault } from './plants.ts';
import { type Outcome, type RunOptions, run } from './run.ts';

/** Long enough for several faults, and for the rarest plant to show. */
const RUN_MS = 3_500;
/** A busy machine does so little in one run that a plant may not come to bear; another seed is another chance. */
const SEEDS = [7, 8, 9, 10, 11, 12, 13, 14];

/** So many clients that a plant shows within one run or two: going live too early showed in 4 of 4 seeds with 32, in 1 of 3 with 12. */
const CROWD = { clients: 32, durationMs: 4_000, patienceMs: 1_000 };

/** One short run on two nodes. */
export function runShortly(
  options: Pick<RunOptions, 'seed' | 'schedule'> & Partial<RunOptions>,
): Promise<Outcome> {
  return run({
    durationMs: RUN_MS,
    clients: 12,
    places: 2,
    databaseUrl: process.env.TEST_DATABASE_URL || undefined,
    say: () => undefined,
    signal: new AbortController().signal,
    ...options,
  });
}

/** Whether a run over the planted tree tells what was planted, with one of a few seeds. */
export async function isFound(plant: Plant): Promise<boolean> {
  const { root, remove } = await plantFault(plant);
  try {
    for (const seed of SEEDS) {
      const { schedule, counts } = plant;
      const { verdict } = await runShortly({ seed, schedule, tree: root, ...CROWD });
      if (counts.some((count) => verdict[count] > 0)) return true;
    }
    return false;
  } finally {
    await remove();
  }
}
