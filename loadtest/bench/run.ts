/** Runs the rows: every target in turn, and that again as often as wanted, so that what drifts hits all of them. */
import { Fleet } from './fleet.ts';
import type { Options } from './options.ts';
import { profilesOf } from './profile.ts';
import type { Bench, Row, Sample } from './row.ts';
import { ROWS } from './rows.ts';
import type { StartOptions, TargetName } from './target.ts';
import { startTarget } from './targets.ts';

/** All samples so far, after each repeat of everything: a run that is cut short has lost the repeat it was in only. */
export async function* runAll(
  options: Options,
  say: (sentence: string) => void,
): AsyncGenerator<readonly Sample[]> {
  const samples: Sample[] = [];
  for (let repeat = 0; repeat < options.repeats; repeat += 1) {
    for (const row of ROWS.filter(({ name }) => options.rows.includes(name)))
      for (const target of turn(options, repeat)) {
        if (!row.targets.includes(target)) continue;
        for (const sample of await runOne(row, target, options)) {
          samples.push(sample);
          say(lineOf(sample));
        }
      }
    yield samples;
  }
}

/** Another one begins each time. */
function turn({ targets }: Options, repeat: number): readonly TargetName[] {
  const first = repeat % targets.length;
  return [...targets.slice(first), ...targets.slice(0, first)];
}

async function runOne(row: Row, target: TargetName, options: Options): Promise<Sample[]> {
  const ends: (() => Promise<void>)[] = [];
  const { sizes, isQuick, seconds } = options;
  const bench: Bench = {
    ...{ target, sizes, isQuick, seconds },
    start: async (how) => {
      const running = await startTarget(target, { ...how, ...profiled(row, target, options) });
      ends.unshift(() => running.stop());
      return running;
    },
    generators: (count) => {
      const fleet = new Fleet(count);
      ends.unshift(() => fleet.stop());
      return fleet;
    },
  };
  try {
    return (await row.run(bench)).map((sample) => ({ row: row.name, target, ...sample }));
  } finally {
    for (const end of ends) await end();
  }
}

/** The profile is written when the process ends. */
function profiled(
  { name }: Row,
  target: TargetName,
  { isProfiled, out }: Options,
): Pick<StartOptions, 'env'> {
  if (!isProfiled || out === undefined || target !== 'hushwire') return {};
  const profiler = new URL('./profiler.mjs', import.meta.url).href;
  const directory = profilesOf(out, name);
  return { env: { NODE_OPTIONS: `--import=${profiler}`, HUSHWIRE_BENCH_PROFILE_DIR: directory } };
}

function lineOf({ row, target, setting, bytes, figures, invalid }: Sample): string {
  const shown = Object.entries(figures).map(([name, value]) => `${name} ${value.toPrecision(4)}`);
  const size = bytes === 0 ? '' : ` ${bytes} B`;
  return `${row} ${setting}${size} ${target}: ${shown.join(', ')}${invalid === undefined ? '' : ` INVALID: ${invalid}`}`;
}
