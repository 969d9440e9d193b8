import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import { findK6 } from '../local/loadtest/k6.ts';
import { CHECKOUT } from '../local/servers/checkout.ts';
import { temporaryDirectory } from '../local/servers/temporary.ts';

const hasK6 = findK6() !== undefined;
if (!hasK6)
  console.log('k6 is not installed, so the smoke scenario is not run: go install go.k6.io/k6/v2@v2.2.0');

describe('npm run loadtest', ({ test, before, after }) => {
  let out: string;
  before(async () => {
    out = await temporaryDirectory('loadtest');
  });
  after(() => rm(out, { recursive: true, force: true }));

  const smoke = async () => {
    const { code, stdout } = await loadtest('smoke', '--out', out);
    assert.is(code, 0, stdout);
    const told = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { is: string; limitProfile: string };
    assert.equal([told.is, told.limitProfile], ['passed', 'loadtest']);
    assert.match(await readFile(join(out, 'report.html'), 'utf8'), /Every promise was kept/);
    assert.match(await readFile(join(out, 'summary.txt'), 'utf8'), /smoke, \d+ s: passed/);
    const { metrics } = JSON.parse(await readFile(join(out, 'summary.json'), 'utf8'));
    assert.is(metrics.arrived.values.count, 3);
  };
  const refusal = async () => {
    const { code, stderr } = await loadtest('smoke');
    assert.is(code, 2);
    assert.match(stderr, /go install go\.k6\.io\/k6\/v2/);
  };
  // No package of a distribution has k6: where it is missing, what is said about that is what there is to test.
  if (hasK6) test('smoke passes on a stack of its own, and leaves its reports', smoke);
  else test('says how to get k6', refusal);

  if (hasK6)
    test('begins nothing where nobody answers', async () => {
      const { code, stderr } = await loadtest('smoke', '--edge', 'http://127.0.0.1:9');
      assert.is(code, 2);
      assert.match(stderr, /Nobody answers at http:\/\/127\.0\.0\.1:9\/healthz/);
    });
}, 60_000);

function loadtest(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const boot = [join(CHECKOUT, 'deploy/local/boot.mjs'), 'loadtest', ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, boot, { cwd: CHECKOUT }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    );
  });
}
