/** The script an instance starts with, run as it is in the template, with stand-ins for all it calls. */
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import { EXAMPLE, exampleTemplate } from './example.ts';
import { GROUP_NAME } from './names.ts';
import { Json, resourceWhere } from './template.ts';

const CHECKOUT = join(import.meta.dirname, '..', '..');
const run = promisify(execFile);
const PASSWORD = 'p4ss';
const DATABASE_URL = 'postgres://u:p%24x@db.example:6543/h?sslmode=require';

/** The group's script, with its directories below `root` and its references filled in. */
function script(root: string): string {
  const template = exampleTemplate();
  const group = resourceWhere(template, 'AWS::AutoScaling::AutoScalingGroup', [
    'AutoScalingGroupName',
    GROUP_NAME,
  ]);
  const id = group.at('LaunchTemplate', 'LaunchTemplateId', 'Ref').text();
  const data = new Json(template.Resources[id]).at('Properties', 'LaunchTemplateData', 'UserData');
  return data
    .text()
    .replaceAll('<…>', 'made-by-aws')
    .replaceAll('/etc/', `${root}/etc/`)
    .replaceAll('/opt/', `${root}/opt/`);
}

function standIn(path: string, body: string): void {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
}

describe('user data', ({ test, before, after }) => {
  let root = '';
  const calls = () => readFileSync(join(root, 'calls'), 'utf8').trim().split('\n');
  const start = () =>
    run('bash', [join(root, 'user-data.sh')], { env: { PATH: `${root}/bin:${process.env.PATH}` } });
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'hushwire-user-data-'));
    writeFileSync(join(root, 'user-data.sh'), script(root));
    standIn(join(root, 'bin/curl'), 'case "$*" in *instance-id) echo i-0abc ;; *) echo token ;; esac');
    const secrets = `case "$*" in *database-url*) echo '${DATABASE_URL}' ;; *) echo '${PASSWORD}' ;; esac`;
    standIn(join(root, 'bin/aws'), `[ -z "$AWS_FAILS" ] || exit 1\n${secrets}`);
    standIn(join(root, 'bin/systemctl'), `echo "systemctl $*" >>${root}/calls`);
    for (const part of ['instance', 'aws/agent'])
      standIn(join(root, `opt/hushwire/deploy/${part}/install.sh`), `echo "${part} $*" >>${root}/calls`);
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  test('writes variables the origin takes, for its eyes only, and starts it last', async () => {
    await start();
    assert.equal(calls(), [
      'instance origin',
      'aws/agent ',
      'systemctl start hushwire-origin hushwire-agent',
    ]);
    const file = join(root, 'etc/hushwire/origin.env');
    assert.is(statSync(file).mode & 0o077, 0);
    const lines = [...readFileSync(file, 'utf8').matchAll(/^(\w+)='(.*)'$/gm)];
    const env = Object.fromEntries(lines.map(([, name = '', value = '']) => [name, value]));
    assert.is(env.HUSHWIRE_ORIGIN_NODE, 'i-0abc');
    assert.is(env.HUSHWIRE_ORIGIN_DATABASE_URL, DATABASE_URL);
    assert.is(env.HUSHWIRE_ORIGIN_RELAY_URL, `rediss://:${PASSWORD}@made-by-aws:6390`);
    assert.equal(JSON.parse(env.HUSHWIRE_ORIGIN_EDGE_KEYS ?? ''), EXAMPLE.edgeKeys);
    const check = ['--import', 'tsx', 'origin/host.ts', '--check-config'];
    const options = { cwd: CHECKOUT, env: { PATH: process.env.PATH, ...env } };
    assert.match((await run(process.execPath, check, options)).stdout, /complete/);
  });

  test('changes nothing when run again', async () => {
    const read = () =>
      ['origin', 'agent'].map((name) => readFileSync(join(root, `etc/hushwire/${name}.env`), 'utf8'));
    const before = read();
    await start();
    assert.equal(read(), before);
  });

  test('starts nothing without its secrets', async () => {
    const before = calls().length;
    const env = { PATH: `${root}/bin:${process.env.PATH}`, AWS_FAILS: '1' };
    const isRefused = await run('bash', [join(root, 'user-data.sh')], { env }).then(
      () => false,
      () => true,
    );
    assert.ok(isRefused);
    assert.is(calls().length, before);
  });
}, 60_000);
