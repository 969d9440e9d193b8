/**
 * Runs test files in this process: `node --import tsx shared/testing/run.ts [--results <file>] <file or directory…>`.
 *
 * Ends with 0 only if everything that was asked for was found, defined, run and passed, every hook held, nothing was
 * rejected unhandled, and the process could end on its own: a handle still open 2 s after the last test is a leak, is
 * named and is red. `--results` writes a `Results` record for the lane runner, whatever happened.
 */
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect, parseArgs } from 'node:util';
import { isTestFile, listFiles } from './files.ts';
import { ledger } from './ledger.ts';
import { countLine, type Results, skipLine } from './results.ts';

/** Closing sockets and killed children need a moment to leave the event loop; a leak stays. */
const LEAK_GRACE_MS = 2_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { results: { type: 'string' } },
});
let isFinished = false;

process.on('unhandledRejection', (reason) => fault('Unhandled rejection', reason));
process.on('uncaughtException', (error) => fault('Uncaught exception', error));
// A lane that takes too long is told to end: by way of the exit hook, so that the report names the test it hung in.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
process.on('exit', report);
// Node 20 sometimes spins for good in its own clean-up after sockets were cut in many ways; nothing is left to clean up.
process.once('beforeExit', () => process.exit());
await main();

async function main(): Promise<void> {
  const files = positionals.flatMap(findFiles);
  if (files.length === 0) ledger.faults.push('No test files');
  await runFiles(files);
  if (ledger.ran !== ledger.defined) ledger.faults.push(`Defined ${ledger.defined} tests, ran ${ledger.ran}`);
  isFinished = true;
  setTimeout(reportLeak, LEAK_GRACE_MS).unref();
}

function findFiles(path: string): string[] {
  if (!existsSync(path)) ledger.faults.push(`No such file: ${path}`);
  else if (!statSync(path).isDirectory()) return [path];
  return listFiles(path, isTestFile);
}

/** What `uvu/run` does, except that one file that cannot be imported, or defines nothing, does not hide the others. */
async function runFiles(files: readonly string[]): Promise<void> {
  const queue: [string, ...(() => unknown)[]][] = [];
  // uvu's own switches for a runner: it must not start by itself, and each file's suites go into their own group.
  const uvuGlobals = globalThis as { UVU_DEFER?: number; UVU_QUEUE?: unknown; UVU_INDEX?: number };
  uvuGlobals.UVU_DEFER = 1;
  uvuGlobals.UVU_QUEUE = queue;
  ledger.isOpen = true;
  for (const file of files) {
    const name = relative(process.cwd(), file);
    uvuGlobals.UVU_INDEX = queue.push([name]) - 1;
    await importTests(file, name);
  }
  ledger.isOpen = false;
  const uvu = await import('uvu');
  await uvu.exec();
  if (process.exitCode !== 0 && ledger.failed === 0)
    ledger.faults.push('A failure in uvu, outside describe()');
}

async function importTests(file: string, name: string): Promise<void> {
  const before = ledger.defined + ledger.skips.length;
  ledger.current = name;
  try {
    await import(pathToFileURL(resolve(file)).href);
    if (ledger.defined + ledger.skips.length === before) ledger.faults.push(`${name} defines no test`);
  } catch (error) {
    fault('Cannot import', error);
  }
  ledger.current = '';
}

function fault(what: string, thrown: unknown): void {
  const where = ledger.current === '' ? '' : ` (${ledger.current})`;
  ledger.faults.push(`${what}${where}: ${inspect(thrown)}`);
}

function reportLeak(): void {
  const open = process.getActiveResourcesInfo().join(', ');
  const suspects = ledger.suspects.length === 0 ? 'unknown' : ledger.suspects.join(', ');
  ledger.faults.push(`The process cannot end, still open: ${open}; suspected suites: ${suspects}`);
  process.exit(1);
}

/** Judges by the ledger, prints what uvu does not, and sets the exit code; the last thing this process does. */
function report(): void {
  if (!isFinished)
    ledger.faults.push(`The process ended before its tests had (${ledger.current || 'importing'})`);
  const { passed, failed, skips, faults } = ledger;
  const results: Results = { passed, failed: failed + faults.length, skips, faults };
  for (const text of faults) console.error(`FAULT ${text}`);
  console.log(countLine(results));
  if (skips.length > 0) console.log(skipLine(skips));
  if (values.results !== undefined) writeFileSync(values.results, JSON.stringify(results));
  process.exitCode = results.failed > 0 ? 1 : 0;
}
