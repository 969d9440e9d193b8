import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import { configurationPage } from '../local/configuration.ts';
import { createKeys } from '../local/keys.ts';
import { CHECKOUT } from '../local/servers/checkout.ts';
import { environment, findDeno } from '../local/servers/edge.ts';
import { temporaryDirectory } from '../local/servers/temporary.ts';

interface Answer {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

type Program = (env: Record<string, string>, ...args: string[]) => Promise<Answer>;

const ORIGIN = {
  HUSHWIRE_ORIGIN_NODE: 'n1',
  HUSHWIRE_ORIGIN_DATABASE_URL: 'postgres://127.0.0.1/none',
  HUSHWIRE_ORIGIN_EDGE_ISSUER: 'http://127.0.0.1:1',
};

describe('the configuration page', ({ test }) => {
  test('is what the code says (npm run docs writes it)', async () => {
    const written = await readFile(join(CHECKOUT, 'deploy', 'configuration.md'), 'utf8');
    assert.is(written, configurationPage());
  });
});

describe('--check-config', ({ test, before, after }) => {
  let directory: string;
  let origin: Program;
  let edge: Program;
  let edgeEnv: Record<string, string>;
  before(async () => {
    directory = await temporaryDirectory('check-config');
    origin = runner(process.execPath, ['--import', 'tsx', 'origin/main.ts']);
    const may = [`--allow-read=${directory}`, '--allow-env=HUSHWIRE_EDGE_*'];
    const plain = ['--no-prompt', '--no-remote', '--cached-only', '--no-lock', '--node-modules-dir=manual'];
    edge = runner(await findDeno(), ['run', ...plain, ...may, 'edge/deno.ts']);
    const keys = await createKeys();
    const state = { stateUrl: 'http://127.0.0.1:1', stateToken: 'token' };
    edgeEnv = environment({ port: 1, keys, ...state, originApi: ['http://127.0.0.1:2'], sockets: [] });
  });
  after(() => rm(directory, { recursive: true, force: true }));

  test('tells an origin every fault at once, and shows no secret', async () => {
    const urls = {
      HUSHWIRE_ORIGIN_RELAY_URL: 'http://s3cret@h',
      HUSHWIRE_ORIGIN_PUBLIC_URL: 'wss://sockets.example/v1/socket',
    };
    const wrong = { ...ORIGIN, ...urls, HUSHWIRE_ORIGIN_PORT: 'x' };
    const { code, out, err } = await origin({ ...wrong, HUSHWIRE_ORIGIN_PROT: '1' }, '--check-config');
    assert.is(code, 1);
    assert.is(out, '');
    for (const name of [
      'PORT is "x"',
      'PUBLIC_URL is "wss://sockets.example/v1/socket"',
      'RELAY_URL is set, but unusable',
      'EDGE_KEYS is not set',
      'PROT is not a',
    ])
      assert.match(err, `HUSHWIRE_ORIGIN_${name}`);
    assert.not.match(err, 's3cret');
  });

  test('lets a complete origin pass, secrets in files included', async () => {
    const keys = await createKeys();
    const relay = join(directory, 'relay-url');
    await writeFile(relay, 'redis://:password@127.0.0.1:1\n');
    const env = {
      ...ORIGIN,
      HUSHWIRE_ORIGIN_RELAY_URL_FILE: relay,
      HUSHWIRE_ORIGIN_EDGE_KEYS: keys.publicKeys,
    };
    assert.equal(await origin(env, '--check-config'), PASSED);
  });

  test('lets a complete edge pass, secrets in files included', async () => {
    const token = join(directory, 'token');
    await writeFile(token, 'secret\n');
    const { HUSHWIRE_EDGE_STATE_TOKEN: _, ...rest } = edgeEnv;
    assert.equal(await edge({ ...rest, HUSHWIRE_EDGE_STATE_TOKEN_FILE: token }, '--check-config'), PASSED);
  });

  test('tells an edge about a file it may not read', async () => {
    const { HUSHWIRE_EDGE_STATE_TOKEN: _, ...rest } = edgeEnv;
    const env = { ...rest, HUSHWIRE_EDGE_STATE_TOKEN_FILE: '/etc/hostname' };
    const { code, err } = await edge(env, '--check-config');
    assert.is(code, 1);
    assert.match(err, 'HUSHWIRE_EDGE_STATE_TOKEN_FILE names a file that cannot be read');
  });

  test('explains itself, and refuses what it does not know', async () => {
    for (const program of [origin, edge]) {
      const help = await program({}, '--help');
      assert.is(help.code, 0);
      assert.match(help.out, '| variable | what | wanted | default |');
      const unknown = await program({}, '--chek-config');
      assert.is(unknown.code, 1);
      assert.match(unknown.err, '--chek-config is not an option');
    }
  });
}, 60_000);

const PASSED: Answer = { code: 0, out: 'The configuration is complete.\n', err: '' };

function runner(command: string, first: readonly string[]): Program {
  return (env, ...args) =>
    new Promise((resolve) => {
      const options = { cwd: CHECKOUT, env: { NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1', ...env } };
      execFile(command, [...first, ...args], options, (error, out, err) => {
        resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, out, err });
      });
    });
}
