import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { until } from './expect.ts';
import { type LaneRun, runLane } from './lane-process.ts';
import { describe } from './suite.ts';

/** For lanes that end by themselves; never waited for when all is well. */
const TIMEOUT_MS = 30_000;
/** For lanes that must be ended: enough to have started on a small, busy machine. */
const SHORT_MS = 4_000;

describe(
  'lane',
  ({ test, before }) => {
    const runs = new Map<string, LaneRun>();

    // All at once: most of the time goes into waiting for limits.
    before(async () => {
      const started = [
        run('whole', ['good', 'skips']),
        run('failing', ['test-fails']),
        run('idle', ['never-imports'], { timeoutMs: SHORT_MS }),
        run('blocked', ['hangs-with-server'], { timeoutMs: SHORT_MS }),
        run('interrupted', ['never-imports'], { signal: AbortSignal.abort() }),
        run('untidy', ['leaves-process']),
        run('silent', [], { runner: casePath('defines-nothing') }),
      ];
      for (const lane of await Promise.all(started)) runs.set(lane.name, lane);
    });

    test('hands back the counts and the output of its files', () => {
      const { results, output } = ran('whole');
      assert.equal([results.passed, results.failed, results.skips.length], [4, 0, 2]);
      assert.match(output, 'calls: before');
    });

    test('is red with what it printed when a test fails', () => {
      const { results, output } = ran('failing');
      assert.equal([results.passed, results.failed], [1, 1]);
      assert.match(output, 'FAIL');
    });

    test('is ended when its time is up, and names what it hung in', () => {
      const { results, output } = ran('idle');
      assert.is(results.failed, 2);
      assert.match(results.faults[0] ?? '', /ended before its tests had \(.*never-imports/);
      assert.is(results.faults[1], 'took more than 4 s');
      assert.match(output, 'FAULT took more than 4 s');
    });

    test('is ended even if its loop is blocked, and the servers it started with it', async () => {
      const { results, output } = ran('blocked');
      assert.equal(results.faults, ['took more than 4 s', 'ended without a result']);
      assert.is(results.failed, 2);
      await isGone(/server pid (\d+)/.exec(output)?.[1]);
    });

    test('is ended and red when interrupted', () => {
      assert.ok(ran('interrupted').results.faults.includes('interrupted'));
    });

    test('is red when it leaves a process behind, and ends that process', async () => {
      const { results } = ran('untidy');
      assert.equal([results.passed, results.failed], [1, 1]);
      await isGone(/^left processes behind: (\d+) /.exec(results.faults[0] ?? '')?.[1]);
    });

    test('is red when its runner ends with 0 and no result', () => {
      assert.equal(ran('silent').results.faults, ['ended without a result']);
    });

    function ran(name: string): LaneRun {
      const lane = runs.get(name);
      if (lane === undefined) throw new Error(`No run ${name}`);
      return lane;
    }
  },
  TIMEOUT_MS,
);

interface Options {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly runner?: string;
}

function run(name: string, cases: readonly string[], options: Options = {}): Promise<LaneRun> {
  const { timeoutMs = TIMEOUT_MS, signal = new AbortController().signal, ...rest } = options;
  const lane = { name, files: cases.map(casePath), timeoutMs };
  return runLane(lane, { env: process.env, signal, ...rest });
}

function casePath(name: string): string {
  return fileURLToPath(new URL(`cases/${name}.case.ts`, import.meta.url));
}

/** Waits until the system has buried the process. */
async function isGone(pid: string | undefined): Promise<void> {
  assert.ok(pid, 'a process id');
  await until(() => !existsSync(`/proc/${pid}`), { what: `the end of process ${pid}` });
}
