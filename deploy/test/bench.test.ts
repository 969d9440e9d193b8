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

  test('says what there is when asked for something else', async () => {
    const failed = (await run(process.execPath, [BOOT, 'bench', 'dance']).catch((error) => error)) as Outcome;
    assert.is(failed.code, 2);
    assert.match(failed.stderr, /Unexpected argument 'dance'.*--help/);
  });
}, 60_000);
