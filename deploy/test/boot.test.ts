/** What happens before anything of ours can run: the wrong Node, packages that are missing, no Redis. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import { CHECKOUT } from '../local/servers/checkout.ts';

const BOOT = join('deploy', 'local', 'boot.mjs');

interface Ran {
  readonly status: number | null;
  readonly lines: readonly string[];
}

function boot(args: readonly string[], options: { root?: string; env?: Record<string, string> } = {}): Ran {
  const { root = CHECKOUT, env = {} } = options;
  const run = spawnSync(process.execPath, [...args], { cwd: root, env, encoding: 'utf8' });
  return { status: run.status, lines: `${run.stdout}${run.stderr}`.trimEnd().split('\n') };
}

describe('boot', ({ test, beforeEach, afterEach }) => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'hushwire-test-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  test('another Node gets one plain sentence: what it is, what is wanted, where to get it', () => {
    for (const version of ['18.20.4', '21.7.3', '24.1.0']) {
      const pretend = `Object.defineProperty(process.versions, 'node', { value: '${version}' })`;
      const { status, lines } = boot([
        '--import',
        `data:text/javascript,${encodeURIComponent(pretend)}`,
        BOOT,
        'start',
      ]);
      assert.is(status, 1, version);
      assert.is(lines.length, 1, version);
      assert.match(lines[0] ?? '', new RegExp(`Node 20 or 22, and this is Node ${version}; install Node 22`));
    }
  });

  test('a missing or other set of packages is installed by npm ci, whose failure is told', () => {
    mkdirSync(join(root, 'deploy', 'local'), { recursive: true });
    cpSync(join(CHECKOUT, BOOT), join(root, BOOT));
    const npm = join(root, 'npm.js');
    writeFileSync(npm, 'console.log("npm", ...process.argv.slice(2)); process.exit(1);');
    const lock = (version: string) =>
      JSON.stringify({
        packages: { '': {}, 'node_modules/a': { version }, 'node_modules/b': { version, optional: true } },
      });
    writeFileSync(join(root, 'package-lock.json'), lock('1.0.0'));
    mkdirSync(join(root, 'node_modules'));
    for (const installed of [undefined, '{"cut', lock('1.0.1'), '{"packages":{}}']) {
      if (installed !== undefined) writeFileSync(join(root, 'node_modules', '.package-lock.json'), installed);
      const { status, lines } = boot([BOOT, 'start'], { root, env: { npm_execpath: npm } });
      assert.is(status, 1, installed);
      assert.equal(
        lines.slice(1),
        ['npm ci --include=dev', 'npm ci failed, for the reason it gave above.'],
        installed,
      );
    }
  });

  test('without a Redis, and without the means to install one, one plain sentence tells what to do', () => {
    const { status, lines } = boot([BOOT, 'start', '--dir', root], { env: { PATH: root } });
    assert.is(status, 1);
    assert.is(lines.length, 1);
    assert.match(lines[0] ?? '', /^Cannot find Redis: .*; install Redis 7 or newer .*REDIS_URL/);
  });

  test('an unknown command is told with 2', () => {
    const { status, lines } = boot([BOOT, 'dance']);
    assert.is(status, 2);
    assert.match(lines[0] ?? '', /start\|try\|.*\|test\|check/);
  });
}, 20_000);
