import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import { CHECKOUT } from '../local/servers/checkout.ts';

const run = promisify(execFile);
const SIZE = ['--connections', '24', '--rate', '60', '--window', '1'];
/** A stack, and two nodes replaced, on a busy machine. */
const TIMEOUT_MS = 90_000;

/** The last line of `npm run roll`; throws when it did not end with 0. */
async function roll(...args: string[]): Promise<Record<string, number>> {
  const boot = join(CHECKOUT, 'deploy', 'local', 'boot.mjs');
  const { stdout } = await run(process.execPath, [boot, 'roll', ...SIZE, ...args]);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, number>;
}

describe(
  'A rolling restart',
  ({ test }) => {
    test('loses and repeats nothing, and no client is without a connection', async () => {
      const { accepted, lost, duplicated, reordered, failedUpgrades, reconnects } = await roll();
      assert.ok((accepted ?? 0) > 100, `only ${accepted} messages`);
      assert.equal([lost, duplicated, reordered, failedUpgrades, reconnects], [0, 0, 0, 0, 0]);
    });

    test('loses and repeats nothing when the next release starts on the same port', async () => {
      const { accepted, lost, duplicated, reordered, reconnects } = await roll('--beside');
      assert.ok((accepted ?? 0) > 100, `only ${accepted} messages`);
      assert.equal([lost, duplicated, reordered, reconnects], [0, 0, 0, 0]);
    });

    test('loses and repeats nothing when nodes are killed, and everybody comes back', async () => {
      const { accepted, lost, duplicated, reordered, reconnects } = await roll('--kill');
      assert.ok((accepted ?? 0) > 50, `only ${accepted} messages`);
      assert.equal([lost, duplicated, reordered], [0, 0, 0]);
      assert.ok((reconnects ?? 0) > 0);
    });

    test('explains itself, and refuses what makes no sense', async () => {
      const boot = join(CHECKOUT, 'deploy', 'local', 'boot.mjs');
      const { stdout } = await run(process.execPath, [boot, 'roll', '--help']);
      assert.match(stdout, /npm run roll/);
      const refused = await run(process.execPath, [boot, 'roll', '--nodes', '1']).catch((error) => error);
      assert.is(refused.code, 2);
      assert.match(refused.stderr, /--nodes takes a whole number from 2/);
    });
  },
  TIMEOUT_MS,
);
