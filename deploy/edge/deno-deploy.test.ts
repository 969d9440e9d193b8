import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { head } from '../../edge/test/contract-wire.ts';
import { openRaw } from '../../edge/test/raw-client.ts';
import { type EdgeStack, startEdgeStack } from '../../edge/test/stack.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { CHECKOUT } from '../local/servers/checkout.ts';
import { type EdgeOptions, edgeUrl, environment, findDeno } from '../local/servers/edge.ts';
import { readEvent } from '../local/servers/log-line.ts';
import { type RunningProcess, startProcess } from '../local/servers/process.ts';

const TIMEOUT_MS = 30_000;
/** "Runtime" of Deno Deploy: from SIGINT to SIGKILL. */
const STOP_MS = 5_000;
/** "Environment variables" of Deno Deploy. */
const VARIABLE_MAX_BYTES = 16 * 1024;

const read = (file: string) => JSON.parse(readFileSync(join(CHECKOUT, file), 'utf8'));
const { deploy } = read('deno.json');

type Deployed = RunningProcess & { readonly url: string; readonly port: number };

describe(
  'Edge as Deno Deploy runs it',
  (suite) => {
    let home: string;
    let stack: EdgeStack<Deployed>;
    suite.before(async () => {
      home = await mkdtemp(join(tmpdir(), 'hushwire-deploy-'));
      stack = await startEdgeStack((options) => startDeployed(options, home));
    });
    suite.after(async () => {
      await stack?.stop();
      await rm(home, { recursive: true, force: true });
    });

    suite.test('answers, with every permission and no flag', async () => {
      const answer = await fetch(`${stack.edge.url}/readyz`);
      assert.is(answer.status, 200);
      await answer.body?.cancel();
    });

    suite.test('answers what is running and has ended before the platform kills it', async () => {
      const { port, pid, ended, lines, url } = stack.edge;
      const idle = await openRaw(port, '');
      const running = await openRaw(port, head('POST /v1/sessions', ['Content-Length: 2']));
      await (await fetch(`${url}/livez`)).body?.cancel();
      const startedMs = performance.now();
      process.kill(pid, 'SIGINT');
      await until(() => lines.some((line) => line.includes('edge.stopping')), { what: 'the signal' });
      running.socket.write('{}');
      assert.is((await running.answer()).status, 400);
      assert.equal(await ended, { code: 0, signal: null, wasAsked: false });
      assert.ok(performance.now() - startedMs < STOP_MS, 'in time, though a connection is open');
      for (const { socket } of [idle, running]) socket.destroy();
    });
  },
  TIMEOUT_MS,
);

describe('deno.json', ({ test }) => {
  test('tells Deno Deploy all it needs, and nothing it does not know', () => {
    assert.equal(Object.keys(deploy).sort(), ['install', 'runtime']);
    assert.is(deploy.install, 'npm ci --omit=dev --ignore-scripts');
    assert.equal(deploy.runtime, { type: 'dynamic', entrypoint: 'edge/deno.ts' });
  });

  test('leaves out no package that the edge imports', async () => {
    const { packages } = read('package-lock.json');
    const imported = await packagesOf(deploy.runtime.entrypoint);
    assert.ok(imported.includes('hono'), 'imports were found');
    assert.equal(
      imported.filter((name) => packages[`node_modules/${name}`]?.dev === true),
      [],
    );
  });
});

/** Whatever `npm start` would give it, within what the platform takes, and without a flag. */
async function startDeployed(options: EdgeOptions, home: string): Promise<Deployed> {
  const env = environment(options);
  for (const [name, value] of Object.entries(env))
    if (Buffer.byteLength(value) > VARIABLE_MAX_BYTES)
      throw new Error(`${name} is too long for the platform`);
  const child = await startProcess({
    name: 'edge',
    command: await findDeno(),
    args: ['run', '--allow-all', deploy.runtime.entrypoint],
    cwd: CHECKOUT,
    env: { DENO_DIR: home, DENO_NO_UPDATE_CHECK: '1', NO_COLOR: '1', DENO_DEPLOY: 'true', ...env },
    isReady: (line) => readEvent(line)?.event === 'edge.ready',
  });
  return { ...child, port: options.port, url: edgeUrl(options.port) };
}

/** Names of the packages that Deno loads for `entry`. */
async function packagesOf(entry: string): Promise<readonly string[]> {
  const home = await mkdtemp(join(tmpdir(), 'hushwire-deploy-'));
  try {
    const args = ['info', '--json', '--no-remote', entry];
    const env = { DENO_DIR: home, DENO_NO_UPDATE_CHECK: '1' };
    const output = execFileSync(await findDeno(), args, { cwd: CHECKOUT, env, maxBuffer: 16 * 1024 * 1024 });
    const { modules } = JSON.parse(String(output)) as { modules: readonly { specifier: string }[] };
    const names = modules.map(
      ({ specifier }) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(specifier)?.[1],
    );
    return [...new Set(names)].filter((name) => name !== undefined);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}
