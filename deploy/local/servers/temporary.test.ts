import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { describe } from '../../../shared/testing/suite.ts';
import { temporaryDirectory } from './temporary.ts';

describe('temporary directory', ({ test }) => {
  test('a new one is private, and those of dead processes of this machine are removed', async () => {
    const parent = await mkdtemp(join(tmpdir(), 'hushwire-test-'));
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    const removed = `hushwire-a-${hostname()}-${dead}-x`;
    const kept = [
      `hushwire-a-${hostname()}-${process.pid}-x`,
      `hushwire-b-${hostname()}-${dead}-x`,
      `hushwire-a-other-${dead}-x`,
    ];
    for (const name of [removed, ...kept]) await mkdir(join(parent, name));
    const ended: string[] = [];
    const endStale = async (dir: string) => {
      ended.push(dir);
    };
    const made = await temporaryDirectory('a', { parent, endStale });
    assert.is((await stat(made)).mode & 0o777, 0o700);
    assert.equal(ended, [join(parent, removed)]);
    assert.not.ok(existsSync(join(parent, removed)));
    for (const name of kept) assert.ok(existsSync(join(parent, name)), name);
    await rm(parent, { recursive: true });
  });
});
