import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import { CHECKOUT } from '../local/servers/checkout.ts';
import { temporaryDirectory } from '../local/servers/temporary.ts';

const HERE = join(CHECKOUT, 'deploy/instance');
const UNITS = ['hushwire-origin.service', 'hushwire-edge.service', 'hushwire-edge@.service'];
const unit = (name: string) => readFileSync(join(HERE, name), 'utf8');
const setting = (name: string, key: string) => unit(name).match(new RegExp(`^${key}=(.*)$`, 'm'))?.[1] ?? '';
/** What systemd calls an exposure of 2.5: better than most of what a distribution brings. */
const EXPOSURE_MAX = 25;

/** Those of hosts, and the one that deploy/aws adds on its instances. */
const ALL_UNITS = [
  ...UNITS.map((name) => join(HERE, name)),
  join(CHECKOUT, 'deploy/aws/agent/hushwire-agent.service'),
];

describe('units of systemd', ({ test, needs, before, after }) => {
  needs('systemd-analyze');
  let directory: string;
  before(async () => {
    directory = await temporaryDirectory('units');
    // Programs that exist here stand for those that exist there.
    for (const file of ALL_UNITS)
      writeFileSync(
        join(directory, basename(file)),
        readFileSync(file, 'utf8')
          .replaceAll('/usr/bin/node', process.execPath)
          .replaceAll('/usr/local/bin/deno', process.execPath),
      );
  });
  after(() => rm(directory, { recursive: true, force: true }));

  test('are understood without a warning', () => {
    for (const name of ALL_UNITS.map((path) => basename(path))) {
      const file = join(directory, name.replace('@', '@8788'));
      if (name.includes('@')) cpSync(join(directory, name), file);
      const { status, stderr } = spawnSync(
        'systemd-analyze',
        ['verify', '--man=no', '--recursive-errors=no', file],
        { encoding: 'utf8' },
      );
      assert.equal([status, stderr.split('\n').filter((line) => line.includes('hushwire'))], [0, []]);
    }
  });

  test('give away little', () => {
    for (const name of ALL_UNITS.map((path) => basename(path))) {
      const args = [
        'security',
        '--offline=true',
        `--threshold=${EXPOSURE_MAX}`,
        join(directory, name.replace('@', '@8788')),
      ];
      const { status, stdout } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
      assert.is(status, 0, stdout.split('\n').slice(-3).join('\n'));
    }
  });

  test('a unit that gives away everything would be found', () => {
    const file = join(directory, 'open.service');
    writeFileSync(file, '[Service]\nExecStart=/bin/true\n');
    const args = ['security', '--offline=true', `--threshold=${EXPOSURE_MAX}`, file];
    assert.is.not(spawnSync('systemd-analyze', args).status, 0);
  });
});

describe('settings of an instance', ({ test }) => {
  const table = readFileSync(join(CHECKOUT, 'deploy/configuration.md'), 'utf8');
  const fallback = (name: string) =>
    Number(table.match(new RegExp(`\`${name}\`.*\\| ([\\d]+) \\|$`, 'm'))?.[1]);
  const most = (name: string) =>
    Number(table.match(new RegExp(`\`${name}\`.* from \\d+ to (\\d+) \\|`))?.[1]);

  test('an origin has time to drain before it is killed', () => {
    const drainMs = fallback('HUSHWIRE_ORIGIN_DRAIN_LEAD_MS') + fallback('HUSHWIRE_ORIGIN_DRAIN_CAP_MS');
    assert.ok(drainMs > 0);
    assert.ok(Number(setting('hushwire-origin.service', 'TimeoutStopSec')) * 1_000 >= drainMs + 30_000);
  });

  test('where the variables allow a longer drain than the unit, the origin may ask for more', () => {
    const longestMs = most('HUSHWIRE_ORIGIN_DRAIN_LEAD_MS') + most('HUSHWIRE_ORIGIN_DRAIN_CAP_MS');
    assert.ok(Number(setting('hushwire-origin.service', 'TimeoutStopSec')) * 1_000 < longestMs);
    // Only then does systemd hear EXTEND_TIMEOUT_USEC (origin/test/host.test.ts: that it is told).
    assert.is(setting('hushwire-origin.service', 'Type'), 'notify');
    assert.is(setting('hushwire-origin.service', 'NotifyAccess'), 'all');
  });

  test('an edge has time for running calls', () => {
    const [, graceMs = ''] =
      readFileSync(join(CHECKOUT, 'edge/deno.ts'), 'utf8').match(/CLOSE_GRACE_MS = ([\d_]+)/) ?? [];
    assert.ok(
      Number(setting('hushwire-edge.service', 'TimeoutStopSec')) * 1_000 > Number(graceMs.replace('_', '')),
    );
  });

  test('files suffice for every socket, and the kernel allows as many', () => {
    const sysctl = readFileSync(join(HERE, '60-hushwire.conf'), 'utf8');
    const open = Number(sysctl.match(/^fs\.nr_open = (\d+)$/m)?.[1]);
    for (const name of UNITS) assert.ok(Number(setting(name, 'LimitNOFILE')) <= open, name);
    assert.ok(Number(setting('hushwire-origin.service', 'LimitNOFILE')) >= 100_000);
    assert.match(sysctl, /^net\.ipv4\.tcp_migrate_req = 1$/m);
  });

  test('the two units of the edge differ in their port alone', () => {
    const plain = (name: string) =>
      unit(name)
        .split('\n')
        .filter((line) => !/^(?:#|Description=|Environment=HUSHWIRE_EDGE_PORT=)/.test(line));
    assert.equal(plain('hushwire-edge.service'), plain('hushwire-edge@.service'));
  });

  test('start what exists', () => {
    for (const name of UNITS)
      for (const [file] of unit(name).matchAll(/\b(?:origin|edge)\/[a-z]+\.ts\b/g))
        assert.ok(existsSync(join(CHECKOUT, file)), file);
  });
});

describe('install.sh', ({ test, beforeEach, afterEach }) => {
  let root: string;
  beforeEach(async () => {
    root = await temporaryDirectory('install');
    mkdirSync(join(root, 'bin'));
    for (const program of ['useradd', 'sysctl', 'systemctl', 'id'])
      stub(program, program === 'id' ? `case "$*" in "-u") echo 0;; *) test -f ${root}/made;; esac` : '');
    stub('useradd', `touch ${root}/made`);
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const stub = (program: string, body: string) => {
    const file = join(root, 'bin', program);
    writeFileSync(file, `#!/bin/sh\necho "${program} $*" >> ${root}/calls\n${body}\n`);
    chmodSync(file, 0o755);
  };
  const configure = (part: string) => {
    mkdirSync(join(root, 'etc/hushwire'), { recursive: true });
    writeFileSync(join(root, `etc/hushwire/${part}.env`), 'A=1\n', { mode: 0o644 });
  };
  const install = (...parts: string[]) => {
    const env = { PATH: `${join(root, 'bin')}:/usr/bin:/bin`, HUSHWIRE_ROOT: root };
    const { status, stdout, stderr } = spawnSync(join(HERE, 'install.sh'), parts, { env, encoding: 'utf8' });
    const calls = existsSync(join(root, 'calls')) ? readFileSync(join(root, 'calls'), 'utf8') : '';
    return { status, stdout, stderr, calls };
  };
  const snapshot = () =>
    execFileSync('sh', ['-c', 'find . -type f ! -name calls | sort | xargs sha256sum'], {
      cwd: root,
    }).toString();

  test('makes the user, the settings and the units, and a second run changes nothing', () => {
    for (const part of ['origin', 'edge']) configure(part);
    const first = install('origin', 'edge');
    assert.is(first.status, 0, first.stderr);
    for (const name of UNITS) assert.ok(existsSync(join(root, 'etc/systemd/system', name)), name);
    assert.is(statSync(join(root, 'etc/hushwire/origin.env')).mode & 0o777, 0o600);
    assert.match(first.calls, /useradd .* hushwire\n/);
    assert.match(
      first.calls,
      /systemctl daemon-reload\nsystemctl enable hushwire-origin\.service\nsystemctl enable hushwire-edge\.service\n$/,
    );
    const before = snapshot();
    const second = install('origin', 'edge');
    assert.is(second.status, 0, second.stderr);
    assert.is(snapshot(), before);
    assert.not.match(second.stdout, /written|made/);
  });

  test('says what is missing or wrong, before it enables anything', () => {
    const cases: readonly (readonly [parts: string[], says: RegExp])[] = [
      [[], /say what this host shall run/],
      [['edge', 'redis'], /"redis" is neither origin nor edge/],
      [['edge'], /etc\/hushwire\/edge\.env is missing/],
    ];
    for (const [parts, says] of cases) {
      const { status, stderr, calls } = install(...parts);
      assert.is(status, 1);
      assert.match(stderr, says);
      assert.not.match(calls, /systemctl enable/);
    }
  });

  test('stops at a step that fails, and goes on from there when run again', () => {
    configure('origin');
    stub('systemctl', 'test "$1" != daemon-reload');
    assert.match(install('origin').stderr, /systemd did not read its units again/);
    stub('systemctl', '');
    assert.is(install('origin').status, 0);
  });
});
