/** Entry of the comparison: options, the runs in turn, the report. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { judge } from './budgets.ts';
import { describeSetting } from './machine.ts';
import { HELP, type Options, readOptions, UsageError } from './options.ts';
import { plotOf } from './plot.ts';
import { profilesOf, readProfiles } from './profile.ts';
import { allRatios, type Case, casesOf } from './report.ts';
import { pageOf, type Results } from './results.ts';
import type { Sample } from './row.ts';
import { ROWS } from './rows.ts';
import { runAll } from './run.ts';
import { sizingOf } from './sizing.ts';
import { tablesOf } from './table.ts';
import { TARGET_NAMES } from './target.ts';

/** Options whose values are paths, or said elsewhere: of no use to who reads the page. */
const PRIVATE = ['--out', '--add', '--note'];
/** Beyond these each has less than half a percent. */
const PROFILE_LINES = 30;

// Ends whatever still runs, since all of it hangs on this process: a start that failed half-way has left its stores.
try {
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  console.error(error instanceof UsageError ? `${error.message} (--help lists what there is)` : error);
  process.exit(2);
}

async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options === 'help') {
    console.log(HELP);
    return 0;
  }
  if (options.from !== undefined) return rewrite(options.from, options);
  let cases: Case[] = [];
  const earlier = options.add === undefined ? undefined : readResults(options.add);
  let repeats = earlier?.repeats ?? 0;
  for await (const found of runAll(options, (sentence) => console.error(`  ${sentence}`))) {
    const samples = [...(earlier?.samples ?? []), ...found];
    repeats += 1;
    cases = casesOf(samples, TARGET_NAMES);
    if (options.out !== undefined)
      writeAll(options.out, await resultsOf(options, { args, repeats }), samples);
  }
  for (const row of ROWS.filter(({ name }) => options.rows.includes(name)))
    console.log(`\n${row.title} (${row.name})\n\n${tablesOf(row, cases)}`);
  if (options.isProfiled) printProfiles(options);
  const isWhole = cases.every(({ entries }) => entries.every(({ invalid }) => invalid === undefined));
  const missed = judge(cases).filter(({ isKept }) => !isKept).length;
  console.log(`\n${JSON.stringify({ ratios: allRatios(cases, ROWS), budgetsMissed: missed, isWhole })}`);
  return isWhole ? 0 : 1;
}

/** Where the nodes' time went in each row, function by function. */
function printProfiles({ rows, out }: Options): void {
  for (const row of rows) {
    console.log(`\nProfile of Hushwire's nodes in ${row}: own time of functions, of all that was not idle\n`);
    for (const { where, share } of readProfiles(profilesOf(out ?? '.', row)).slice(0, PROFILE_LINES))
      console.log(`${(share * 100).toFixed(1).padStart(6)} %  ${where}`);
  }
}

/** The pages of a run that is over. */
function rewrite(from: string, { out = '.', note }: Options): number {
  const { samples, ...results } = readResults(from);
  writeAll(out, note === undefined ? results : { ...results, note }, samples);
  return 0;
}

/** Our own file, as `writeAll` left it. */
function readResults(path: string): Results & { readonly samples: readonly Sample[] } {
  return JSON.parse(readFileSync(path, 'utf8')) as Results & { readonly samples: readonly Sample[] };
}

async function resultsOf(
  { seconds, note }: Options,
  { args, repeats }: { readonly args: readonly string[]; readonly repeats: number },
): Promise<Results> {
  const shown = args.map((arg, i) => (PRIVATE.includes(args[i - 1] ?? '') ? '…' : arg));
  const command = ['npm run bench --', 'relay', ...shown].join(' ');
  return { ...(await describeSetting()), command, repeats, seconds, ...(note === undefined ? {} : { note }) };
}

/** RESULTS.md, SIZING.md, the plots, and every sample for whoever wants to reckon differently. */
function writeAll(out: string, results: Results, samples: readonly Sample[]): void {
  const cases = casesOf(samples, TARGET_NAMES);
  mkdirSync(join(out, 'plots'), { recursive: true });
  writeFileSync(join(out, 'RESULTS.md'), pageOf(results, ROWS, cases));
  const sizing = sizingOf(results, cases);
  if (sizing !== undefined) writeFileSync(join(out, 'SIZING.md'), sizing);
  writeFileSync(join(out, 'results.json'), `${JSON.stringify({ ...results, samples }, undefined, 2)}\n`);
  for (const row of ROWS.filter(({ name }) => cases.some((one) => one.row === name)))
    writeFileSync(join(out, 'plots', `${row.name}.svg`), plotOf(row, cases));
}
