import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import { CHECKOUT } from '../local/servers/checkout.ts';

const run = promisify(execFile);
const BOOT = join(CHECKOUT, 'deploy', 'local', 'boot.mjs');

interface Outcome {
  readonly code?: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe('npm run bench', ({ test }) => {
  test('compares targets by the same sockets, and ends with every ratio', async () => {
    const args = [BOOT, 'bench', '--quick', '--rows', 'connect', '--targets', 'hushwire,bare'];
    const { stdout } = (await run(process.execPath, args)) as Outcome;
    const { ratios, isWhole } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as {
      ratios: Record<string, Record<string, number>>;
      isWhole: boolean;
    };
    assert.ok(isWhole);
    assert.equal(Object.keys(ratios), ['connect 1,000 sockets']);
    assert.ok((ratios['connect 1,000 sockets']?.bare ?? 0) > 1, JSON.stringify(ratios));
  });

  test('says what there is when asked for something else', async () => {
    for (const [args, words] of [
      [['dance'], /npm run bench -- api/],
      [['--rows', 'dance'], /there is unicast/],
      [['--repeats', '0'], /from 1 to 20/],
    ] as const) {
      const failed = (await run(process.execPath, [BOOT, 'bench', ...args]).catch(
        (error) => error,
      )) as Outcome;
      assert.is(failed.code, 2);
      assert.match(failed.stderr, words);
    }
  });
}, 60_000);

describe('npm run bench -- api', ({ test }) => {
  test('calls everything, and finds no call with more round trips than promised', async () => {
    // Its exit code is about time as well, which is no business of a test.
    const args = [BOOT, 'bench', 'api', '--calls', '4'];
    const { stdout } = (await run(process.execPath, args).catch((error: unknown) => error)) as Outcome;
    const { rows } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as {
      rows: { call: string; trips: number; tripsMax: number; p95Ms: number }[];
    };
    assert.ok(rows.length >= 11, `${rows.length} kinds of calls`);
    for (const { call, trips, tripsMax, p95Ms } of rows) {
      assert.ok(trips <= tripsMax, `${call}: ${trips} trips`);
      assert.ok(p95Ms > 0, call);
    }
    assert.ok(rows.some(({ trips }) => trips === 2));
  });
}, 60_000);
