import { parseArgs } from 'node:util';
import { type LaneRun, runLane } from '../../shared/testing/lane-process.ts';
import { LANE_NAMES, selectLanes } from '../../shared/testing/lanes.ts';
import { countLine, type Results, skipLine } from '../../shared/testing/results.ts';
import { startPostgres } from './servers/postgres.ts';

const HELP = `npm test [-- <lane | test file | directory>…]

Runs the tests, lane after lane, against real servers that it starts and ends itself.
Lanes: ${LANE_NAMES.join(', ')}. Without an argument it runs all of them.

  TEST_DATABASE_URL  a Postgres to create databases on, instead of a fresh local one

The last lines are the counts ("N passed, N failed[, N skipped]") and, if anything was
skipped, what and why. The exit code is 1 on any failure, 130 when interrupted.
One file, with all it prints: node --import tsx shared/testing/run.ts <file>`;

/** Code of a run that Ctrl-C or SIGTERM ended: 128 + SIGINT, as shells have it. */
const INTERRUPTED = 130;

/** `npm test`: runs what `args` select and resolves with the exit code. */
export async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const interruption = new AbortController();
  const interrupt = () => interruption.abort();
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  try {
    const isRed = await run(positionals, interruption.signal);
    if (interruption.signal.aborted) return INTERRUPTED;
    return isRed ? 1 : 0;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

/** True when anything failed. */
async function run(wanted: readonly string[], signal: AbortSignal): Promise<boolean> {
  const { lanes, faults } = selectLanes(wanted);
  for (const fault of faults) console.error(`FAULT ${fault}`);
  const results: Results[] = [{ passed: 0, failed: faults.length, skips: [], faults }];
  const database = lanes.length === 0 ? undefined : await openDatabase();
  try {
    for (const lane of lanes) {
      if (signal.aborted) break;
      const lap = await runLane(lane, { env: { ...process.env, TEST_DATABASE_URL: database?.url }, signal });
      printLane(lap, wanted.length > 0);
      results.push(lap.results);
    }
  } finally {
    await database?.stop();
  }
  const total = sum(results);
  console.log(countLine(total));
  if (total.skips.length > 0) console.log(skipLine(total.skips));
  return total.failed > 0;
}

interface Database {
  readonly url: string;
  stop(): Promise<void>;
}

async function openDatabase(): Promise<Database> {
  const url = process.env.TEST_DATABASE_URL || undefined;
  return url === undefined ? startPostgres() : { url, stop: async () => undefined };
}

/** One line a lane; all it printed only where somebody has to read it. */
function printLane({ name, results, output, ms }: LaneRun, isVerbose: boolean): void {
  if (isVerbose || results.failed > 0) console.log(output);
  console.log(`${name.padEnd(8)} ${countLine(results)}  ${(ms / 1000).toFixed(1)} s`);
}

function sum(results: readonly Results[]): Results {
  return {
    passed: results.reduce((total, { passed }) => total + passed, 0),
    failed: results.reduce((total, { failed }) => total + failed, 0),
    skips: results.flatMap(({ skips }) => skips),
    faults: results.flatMap(({ faults }) => faults),
  };
}
