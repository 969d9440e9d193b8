/** Entry of the comparison: options, the runs in turn, the report. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { judge } from './budgets.ts';
import { describeSetting } from './machine.ts';
import { HELP, type Options, readOptions, UsageError } from './options.ts';
import { plotOf } from './plot.ts';
import { allRatios, type Case, casesOf } from './report.ts';
import { pageOf } from './results.ts';
import type { Sample } from './row.ts';
import { ROWS } from './rows.ts';
import { runAll } from './run.ts';
import { tablesOf } from './table.ts';
import { TARGET_NAMES } from './target.ts';

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
  let cases: Case[] = [];
  let repeats = 0;
  for await (const samples of runAll(options, (sentence) => console.error(`  ${sentence}`))) {
    cases = casesOf(samples, TARGET_NAMES);
    repeats += 1;
    if (options.out !== undefined) await writeAll(options.out, { options, repeats, samples, cases, args });
  }
  for (const row of ROWS.filter(({ name }) => options.rows.includes(name)))
    console.log(`\n${row.title} (${row.name})\n\n${tablesOf(row, cases)}`);
  const isWhole = cases.every(({ entries }) => entries.every(({ invalid }) => invalid === undefined));
  const missed = judge(cases).filter(({ isKept }) => !isKept).length;
  console.log(`\n${JSON.stringify({ ratios: allRatios(cases, ROWS), budgetsMissed: missed, isWhole })}`);
  return isWhole ? 0 : 1;
}

interface Found {
  readonly options: Options;
  /** How many of those that were asked for are done. */
  readonly repeats: number;
  readonly samples: readonly Sample[];
  readonly cases: readonly Case[];
  readonly args: readonly string[];
}

/** RESULTS.md, the plots, and every sample for whoever wants to reckon differently. */
async function writeAll(out: string, { options, repeats, samples, cases, args }: Found): Promise<void> {
  const { seconds } = options;
  const command = ['npm run bench --', 'relay', ...args].join(' ');
  const results = { ...(await describeSetting()), command, repeats, seconds };
  mkdirSync(join(out, 'plots'), { recursive: true });
  writeFileSync(join(out, 'RESULTS.md'), pageOf(results, ROWS, cases));
  writeFileSync(join(out, 'results.json'), `${JSON.stringify({ ...results, samples })}\n`);
  for (const row of ROWS.filter(({ name }) => cases.some((one) => one.row === name)))
    writeFileSync(join(out, 'plots', `${row.name}.svg`), plotOf(row, cases));
}
