import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import { AlreadyRunning, claimRun, liveRun, type Run } from './run-file.ts';
import { identityOf } from './servers/identity.ts';

describe('run file', ({ test, beforeEach, afterEach }) => {
  let dir = '';
  const readRun = () => JSON.parse(readFileSync(join(dir, 'run.json'), 'utf8')) as Run;
  const writeRun = (run: Run) => writeFileSync(join(dir, 'run.json'), JSON.stringify(run));
  const dead = { name: 'stack', pid: process.pid, identity: 'of another process' };

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'hushwire-test-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  test('a claimed directory refuses a second stack and tells where the first one is', async () => {
    const claim = await claimRun(dir);
    await refuses(/already is starting/);
    claim.announce({
      edgeUrl: 'http://127.0.0.1:8787',
      nodes: [],
      redisUrl: 'redis://127.0.0.1:6379',
      databaseUrl: 'postgres://127.0.0.1:5432',
    });
    await refuses(/already runs at http:\/\/127\.0\.0\.1:8787/);
    assert.is(liveRun(dir)?.edgeUrl, 'http://127.0.0.1:8787');
    assert.is(statSync(join(dir, 'run.json')).mode & 0o777, 0o600);
    claim.release();
    assert.is(liveRun(dir), undefined);
    (await claimRun(dir)).release();
  });

  test('of several that claim at once, one succeeds, also over a dead one', async () => {
    writeRun({ supervisor: dead, children: [] });
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => claimRun(dir)));
    const claims = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    assert.is(claims.length, 1);
    claims[0]?.release();
  });

  test('what a dead stack left is ended, and what only has its number is not', async () => {
    const left = spawn('sleep', ['60']);
    const stranger = spawn('sleep', ['60']);
    await Promise.all([once(left, 'spawn'), once(stranger, 'spawn')]);
    const recorded = (pid: number | undefined, identity: string | undefined) => ({
      name: 'x',
      pid: pid ?? 0,
      identity: identity ?? '',
    });
    writeRun({
      supervisor: dead,
      children: [
        recorded(left.pid, identityOf(left.pid ?? 0)),
        recorded(stranger.pid, 'other'),
        recorded(stranger.pid, ''),
      ],
    });
    assert.is(liveRun(dir), undefined);
    const ended = once(left, 'exit');
    const claim = await claimRun(dir);
    await ended;
    assert.is(stranger.exitCode ?? stranger.signalCode, null);
    assert.equal(readRun().children, []);
    claim.release();
    stranger.kill();
    await once(stranger, 'exit');
  });

  test('a recorded child is in the file at once', async () => {
    const claim = await claimRun(dir);
    claim.record('Redis', process.pid);
    assert.equal(readRun().children, [
      { name: 'Redis', pid: process.pid, identity: identityOf(process.pid) },
    ]);
    claim.release();
  });

  test('a file that is no record of a stack is replaced', async () => {
    writeFileSync(join(dir, 'run.json'), '{"half');
    (await claimRun(dir)).release();
  });

  async function refuses(message: RegExp): Promise<void> {
    try {
      await claimRun(dir);
    } catch (error) {
      assert.instance(error, AlreadyRunning);
      assert.match((error as Error).message, message);
      return;
    }
    throw new Error('Expected a refusal');
  }
});
