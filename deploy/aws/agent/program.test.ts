/** The agent as a process, and its installation, against stand-ins for metadata, health, `aws` and `systemctl`. */
import { execFile, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { describe } from '../../../shared/testing/suite.ts';

const HERE = import.meta.dirname;
const CHECKOUT = join(HERE, '..', '..', '..');
const run = promisify(execFile);

/** An executable that appends its arguments to `calls` and ends well. */
function standIn(path: string, calls: string, more = ''): void {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, `#!/bin/sh\necho "$(basename "$0") $*" >>'${calls}'\n${more}`);
  chmodSync(path, 0o755);
}

describe('agent', ({ test, before, after }) => {
  let directory = '';
  let calls = '';
  let server: Server;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'hushwire-agent-'));
    calls = join(directory, 'calls');
    writeFileSync(calls, '');
    server = createServer((request, response) => {
      const isState = request.url?.endsWith('/target-lifecycle-state');
      response.end(isState ? 'Terminated' : 'token');
    });
    await new Promise<void>((done) => {
      server.listen(0, '127.0.0.1', done);
    });
  });
  after(async () => {
    await new Promise((done) => server.close(done));
    rmSync(directory, { recursive: true, force: true });
  });

  test('stops the origin, then ends the hook, then itself', async () => {
    const bin = join(directory, 'bin');
    standIn(join(bin, 'systemctl'), calls);
    standIn(join(bin, 'aws'), calls, 'echo healthy\n');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const child = spawn(process.execPath, ['--import', 'tsx', join(HERE, 'main.ts')], {
      cwd: CHECKOUT,
      env: {
        ...process.env,
        PATH: `${bin}:${process.env.PATH}`,
        HUSHWIRE_AGENT_METADATA: url,
        HUSHWIRE_AGENT_HEALTH: url,
        HUSHWIRE_AGENT_INSTANCE: 'i-1',
        HUSHWIRE_AGENT_TARGETS: 'arn',
      },
    });
    assert.is(await new Promise((done) => child.once('exit', done)), 0);
    const made = readFileSync(calls, 'utf8').trim().split('\n');
    assert.match(made[0] ?? '', /^aws elbv2 describe-target-health .*Id=i-1/);
    assert.is(made[1], 'systemctl stop hushwire-origin');
    assert.match(
      made[2] ?? '',
      /^aws autoscaling complete-lifecycle-action .*hushwire-origin .*drain .*CONTINUE .*i-1/,
    );
    assert.is(made.length, 3);
  });

  test('is installed, twice if need be, and not without its variables', async () => {
    const root = join(directory, 'root');
    const bin = join(directory, 'install-bin');
    standIn(join(bin, 'systemctl'), calls);
    standIn(join(root, 'opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl'), calls);
    const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, HUSHWIRE_ROOT: root };
    const install = () => run('sh', [join(HERE, 'install.sh')], { env });
    const refusal = await install().then(
      () => '',
      (error: { stderr: string }) => error.stderr,
    );
    assert.match(refusal, /agent\.env is missing/);
    mkdirSync(join(root, 'etc/hushwire'), { recursive: true });
    writeFileSync(join(root, 'etc/hushwire/agent.env'), '');
    await install();
    await install();
    assert.is(statSync(join(root, 'etc/systemd/system/hushwire-agent.service')).mode & 0o777, 0o644);
    assert.match(
      readFileSync(join(root, 'etc/systemd/system/hushwire-origin.service.d/log.conf'), 'utf8'),
      /append:/,
    );
    assert.match(readFileSync(calls, 'utf8'), /fetch-config/);
  });
}, 60_000);
