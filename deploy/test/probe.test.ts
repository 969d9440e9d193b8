import { execFile } from 'node:child_process';
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import { freePort } from '../local/ports.ts';
import { CHECKOUT } from '../local/servers/checkout.ts';
import { temporaryDirectory } from '../local/servers/temporary.ts';
import { type Stack, startStack } from '../local/stack.ts';

describe('npm run probe', ({ test, before, after }) => {
  let stack: Stack;
  let directory: string;
  let state: string;
  before(async () => {
    [stack, directory] = await Promise.all([startStack(), temporaryDirectory('probe')]);
    // The directory is made with the file.
    state = join(directory, 'made', 'state.json');
  });
  after(async () => {
    await stack?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  test('sends messages across two nodes and tells how long they took', async () => {
    const { code, out } = await probe('--edge', stack.edgeUrl, '--state', state, '--json');
    assert.is(code, 0);
    const told = JSON.parse(out) as { nodes: string[]; messages: number; slowestMs: number };
    assert.equal([...told.nodes].sort(), ['node-1', 'node-2']);
    assert.is(told.messages, 5);
    assert.ok(told.slowestMs > 0);
    assert.is((await stat(state)).mode & 0o777, 0o600);
  });

  test('comes back as the same accounts, and leaves metrics for a collector', async () => {
    const before = JSON.parse(await readFile(state, 'utf8'));
    const metrics = join(directory, 'probe.prom');
    const { code, out, err } = await probe('--edge', stack.edgeUrl, '--state', state, '--metrics', metrics);
    assert.is(err, '');
    assert.is(code, 0);
    assert.match(out, /^Signed in within [\d.]+ ms; 5 messages from node-\d to node-\d: median/);
    const after = JSON.parse(await readFile(state, 'utf8'));
    assert.is(after.devices.sender.userId, before.devices.sender.userId);
    assert.is(after.channelId, before.channelId);
    const text = await readFile(metrics, 'utf8');
    assert.match(text, /^hushwire_probe_success 1$/m);
    assert.match(text, /^hushwire_probe_crossed_nodes 1$/m);
  });

  test('fails when a delivery is slower than allowed, when nobody answers, and says which', async () => {
    const metrics = join(directory, 'failed.prom');
    const nobody = `http://127.0.0.1:${await freePort()}`;
    const options = ['--state', join(directory, 'none.json'), '--timeout-s', '2', '--metrics', metrics];
    const { code, err } = await probe('--edge', nobody, ...options);
    assert.is(code, 1);
    assert.match(err, /^The probe failed: /);
    assert.match(await readFile(metrics, 'utf8'), /^hushwire_probe_success 0$/m);
    const other = await probe('--edge', nobody, '--state', state);
    assert.match(other.err, `belongs to ${stack.edgeUrl}`);
    const nowhere = await probe('--edge', stack.edgeUrl, '--state', join(state, 'below-a-file.json'));
    assert.is(nowhere.code, 1);
    assert.match(nowhere.err, /^The probe failed: Cannot (read|write) .*; name another file with --state/);
  });

  test('refuses options that make no sense', async () => {
    for (const args of [['--messages', '0'], ['--edge', 'ftp://x'], ['--nope']]) {
      const { code, err } = await probe(...args);
      assert.is(code, 2);
      assert.is.not(err, '');
    }
  });
}, 60_000);

function probe(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const command = [join('deploy', 'local', 'boot.mjs'), 'probe', ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, command, { cwd: CHECKOUT }, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, out, err });
    });
  });
}
