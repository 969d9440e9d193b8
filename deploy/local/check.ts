import { type ExecFileException, execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { listFiles } from '../../shared/testing/files.ts';
import { mapParallel } from '../../shared/testing/parallel.ts';
import { findDeno } from './servers/edge.ts';

const HELP = `npm run check

Format and lint (Biome), the types of every part (tsc for each tsconfig.json, Deno for
its entry), the walls between the parts, and the sizes of the bundles. Changes nothing; "npm run format" does.
The exit code is 1 if any step failed.`;

/** A tool to run from the root of the tree; `env` is added to ours. */
interface Step {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Its output is worth reading also when it passed. */
  readonly isShown?: boolean;
}

/** No tool takes more than a few seconds; one that hangs must not hang CI. */
const STEP_TIMEOUT_MS = 120_000;
/** The longest output is a type error per file; more than this helps nobody. */
const OUTPUT_MAX_BYTES = 4 * 1024 * 1024;
const BIOME = 'node_modules/@biomejs/biome/bin/biome';
const TSC = 'node_modules/typescript/bin/tsc';

/** `npm run check`: resolves with the exit code. */
export async function main(args: string[]): Promise<number> {
  if (args.length > 0) {
    console.log(HELP);
    return args.every((arg) => arg === '--help' || arg === '-h') ? 0 : 1;
  }
  const steps = [
    node('format and lint', BIOME, 'ci', '--diagnostic-level=warn', '--colors=off'),
    ...typeSteps(),
    ...(await denoSteps()),
    boundaries(),
    { ...node('bundles', '--import', 'tsx', 'deploy/local/bundle.ts'), isShown: true },
  ];
  const passed = await mapParallel(steps, runStep, availableParallelism());
  return passed.every(Boolean) ? 0 : 1;
}

/** One program per tsconfig.json; the one at the root is only their base. */
function typeSteps(): Step[] {
  return listFiles('.', (path) => path.endsWith('tsconfig.json'))
    .map(dirname)
    .filter((part) => part !== '.' && isInstalled(part))
    .map((part) => node(`types ${part}`, TSC, '-p', part));
}

/** A part with packages of its own is left out, aloud, where those are not installed. */
function isInstalled(part: string): boolean {
  if (!existsSync(join(part, 'package.json')) || existsSync(join(part, 'node_modules'))) return true;
  console.log(`types ${part} left out: its packages are not installed ("npm test" does that)`);
  return false;
}

/** Deno's own compiler, for the files that name its globals: the entry and adapters called `…-deno.ts`. */
async function denoSteps(): Promise<Step[]> {
  const adapters = listFiles('edge/adapters', (path) => path.endsWith('-deno.ts'));
  const files = [...(existsSync('edge/deno.ts') ? ['edge/deno.ts'] : []), ...adapters];
  if (files.length === 0) return [];
  const env = { DENO_DIR: resolve('node_modules/.cache/deno'), DENO_NO_UPDATE_CHECK: '1' };
  const args = ['check', '--no-remote', ...files];
  return [{ name: 'types edge on Deno', command: await findDeno(), args, env }];
}

function boundaries(): Step {
  return node('boundaries', '--import', 'tsx', 'shared/testing/run.ts', 'shared/boundaries.test.ts');
}

function node(name: string, ...args: string[]): Step {
  return { name, command: process.execPath, args };
}

/** Runs a step, prints its line and, if it failed, what it said; true when it passed. */
async function runStep(step: Step): Promise<boolean> {
  const startedMs = performance.now();
  const { error, output } = await execute(step);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  if (error !== null) console.log(output.trimEnd() || error.message);
  else if (step.isShown) console.log(output.trimEnd());
  console.log(`${step.name.padEnd(24)} ${error === null ? 'ok' : 'failed'}  ${seconds} s`);
  return error === null;
}

function execute(step: Step): Promise<{ error: ExecFileException | null; output: string }> {
  const options = {
    env: { ...process.env, NO_COLOR: '1', ...step.env },
    timeout: STEP_TIMEOUT_MS,
    maxBuffer: OUTPUT_MAX_BYTES,
  };
  return new Promise((done) => {
    execFile(step.command, step.args, options, (error, stdout, stderr) =>
      done({ error, output: stdout + stderr }),
    );
  });
}
