import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { listFiles } from './files.ts';
import { mapParallel } from './parallel.ts';
import type { Results } from './results.ts';
import { describe } from './suite.ts';

const RUN = fileURLToPath(new URL('run.ts', import.meta.url));
const CASES = fileURLToPath(new URL('cases/', import.meta.url));
/** A child loads tsx and waits up to 2 s for a leak; several run at once on a small machine. */
const TIMEOUT_MS = 60_000;
const PARALLEL = 4;

/** Cases that only a lane can end: lane-process.test.ts. */
const IN_LANES = ['leaves-process', 'never-imports', 'hangs-with-server'];

/** What each case in `cases/` must come to: passed, failed, and the fault that tells why where no test does. */
const RED: readonly (readonly [name: string, passed: number, failed: number, fault?: RegExp])[] = [
  ['test-fails', 1, 1],
  ['before-throws', 0, 1],
  ['before-each-throws', 0, 1],
  ['after-each-throws', 0, 1],
  ['after-each-throws-too', 0, 2, /planted in the hook/],
  ['after-throws', 1, 1, /^after: after: planted/],
  ['throws-null', 0, 1],
  ['throws-unprintable', 0, 1],
  ['never-settles', 0, 1],
  ['hook-never-settles', 1, 1, /Timed out after 50 ms/],
  ['unhandled-rejection', 1, 1, /^Unhandled rejection.*planted/],
  ['uncaught-exception', 1, 1, /^Uncaught exception.*planted/],
  ['leaks-handle', 1, 1, /cannot end, still open: .*TCPServerWrap.*suspected suites: leaky suite/],
  ['defines-nothing', 0, 1, /defines no test/],
  ['forgets-run', 0, 1, /defines no test/],
  ['plain-uvu-fails', 1, 1, /outside describe/],
  ['defines-late', 1, 1, /its definition has ended/],
  ['defines-async', 0, 1, /must return nothing/],
  ['describes-inside', 0, 1],
  ['import-fails', 0, 1, /^Cannot import.*planted/],
  ['import-never-settles', 0, 1, /ended before its tests/],
  ['exits-early', 0, 1, /ended before its tests/],
  ['no-such-file', 0, 2, /No such file/],
];

describe(
  'runner',
  ({ test, before }) => {
    const redRuns = new Map<string, Ended & { results: Results }>();

    before(async () => {
      const names = RED.map(([name]) => name);
      const runs = await mapParallel(names, (name) => runFiles(casePath(name)), PARALLEL);
      for (const [index, name] of names.entries())
        redRuns.set(name, runs[index] as Ended & { results: Results });
    });

    for (const [name, passed, failed, fault] of RED) {
      test(`is red on: ${name}`, () => {
        const run = redRuns.get(name);
        const faults = run?.results.faults.join('\n') ?? '';
        assert.is(run?.code, 1);
        assert.equal([run?.results.passed, run?.results.failed], [passed, failed], faults);
        if (fault !== undefined) assert.match(faults, fault);
      });
    }

    test('ends with 0 when everything holds, hooks in order', async () => {
      const { code, results, output } = await runFiles(casePath('good'));
      assert.is(code, 0);
      assert.equal(results, { passed: 2, failed: 0, skips: [], faults: [] });
      assert.match(output, 'calls: before beforeEach first afterEach beforeEach second afterEach\n');
      assert.match(output, '\n2 passed, 0 failed\n');
    });

    test('counts and names skips, and sets up nothing for them', async () => {
      const { code, results, output } = await runFiles(casePath('skips'));
      assert.is(code, 0);
      assert.is(results.passed, 2);
      assert.equal(results.skips, [
        { title: 'skips: one', reason: 'planted reason' },
        { title: 'tools: two', reason: 'no-such-tool-anywhere is missing' },
      ]);
      assert.match(
        output,
        '\n2 passed, 0 failed, 2 skipped\nskipped: skips: one (planted reason), tools: two',
      );
    });

    test('is red on a directory without test files', async () => {
      const { code, results } = await runFiles(CASES);
      assert.is(code, 1);
      assert.equal(results.faults, ['No test files']);
    });

    test('a broken file does not hide the others', async () => {
      const { code, results } = await runFiles(
        casePath('import-fails'),
        casePath('good'),
        casePath('defines-nothing'),
      );
      assert.is(code, 1);
      assert.equal([results.passed, results.failed], [2, 2]);
    });

    test('a test file started without the runner does not end with 0', async () => {
      const { code } = await start(casePath('good'));
      assert.is(code, 1);
    });

    test('every case is listed', () => {
      const listed = ['good', 'skips', ...IN_LANES, ...RED.map(([name]) => name)];
      const unlisted = listFiles(CASES, () => true).filter(
        (path) => !listed.some((name) => path === casePath(name)),
      );
      assert.equal(unlisted, []);
    });
  },
  TIMEOUT_MS,
);

interface Ended {
  readonly code: number;
  readonly output: string;
}

function casePath(name: string): string {
  return join(CASES, `${name}.case.ts`);
}

async function runFiles(...files: string[]): Promise<Ended & { results: Results }> {
  const dir = await mkdtemp(join(tmpdir(), 'hushwire-runner-'));
  const resultsFile = join(dir, 'results.json');
  try {
    const ended = await start(RUN, '--results', resultsFile, ...files);
    return { ...ended, results: JSON.parse(await readFile(resultsFile, 'utf8')) as Results };
  } finally {
    await rm(dir, { recursive: true });
  }
}

function start(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--import', 'tsx', ...args], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), output: stdout + stderr });
    });
  });
}
