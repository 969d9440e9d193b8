/** Entry of the comparison: options, the runs in turn, the report. */
import { HELP, readOptions, UsageError } from './options.ts';
import { allRatios, casesOf } from './report.ts';
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
  const samples = await runAll(options, (sentence) => console.error(`  ${sentence}`));
  const cases = casesOf(samples, TARGET_NAMES);
  for (const row of ROWS.filter(({ name }) => options.rows.includes(name)))
    console.log(`\n${row.title} (${row.name})\n\n${tablesOf(row, cases)}`);
  const isWhole = cases.every(({ entries }) => entries.every(({ invalid }) => invalid === undefined));
  console.log(`\n${JSON.stringify({ ratios: allRatios(cases, ROWS), isWhole })}`);
  return isWhole ? 0 : 1;
}
