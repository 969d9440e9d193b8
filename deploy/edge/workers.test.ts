import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { EDGE_VARIABLES } from '../../edge/config.ts';
import { edgeContract } from '../../edge/test/contract.ts';
import { startEdgeStack } from '../../edge/test/stack.ts';
import { describe } from '../../shared/testing/suite.ts';
import { CHECKOUT } from '../local/servers/checkout.ts';
import { temporaryDirectory } from '../local/servers/temporary.ts';
import { COMPATIBILITY_DATE, startWorkerd, WORKER_GZIP_MAX_BYTES } from '../local/servers/workerd.ts';
import { type DryRun, dryRun, WRANGLER_CONFIG } from './dry-run.ts';

/** What a Worker may take to start, and to answer within. */
const TIMEOUT_MS = 30_000;
/** "Limits" of Workers: a variable or secret. */
const VARIABLE_MAX_BYTES = 5 * 1024;

interface WranglerConfig {
  readonly compatibility_date: string;
  readonly compatibility_flags: readonly string[];
  readonly workers_dev: boolean;
  readonly preview_urls: boolean;
  readonly routes: readonly { readonly pattern: string; readonly custom_domain: boolean }[];
  readonly placement: { readonly region: string };
  readonly vars: Readonly<Record<string, string>>;
  readonly secrets: { readonly required: readonly string[] };
  readonly observability: unknown;
  readonly logpush: boolean;
}

/** Comments stand on lines of their own there. */
const config: WranglerConfig = JSON.parse(readFileSync(WRANGLER_CONFIG, 'utf8').replace(/^\s*\/\/.*$/gm, ''));
const made = once(async () => {
  const directory = await temporaryDirectory('workers');
  try {
    return dryRun(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

describe(
  'Worker that wrangler would upload',
  ({ test }) => {
    test('is small enough', async () => {
      const { bytes, gzipBytes } = await made();
      assert.ok(bytes > 100_000, 'it is the edge');
      assert.ok(gzipBytes <= WORKER_GZIP_MAX_BYTES, `${gzipBytes} bytes`);
    });

    test('needs no module of Node, since no flag gives it one', async () => {
      assert.equal(config.compatibility_flags, []);
      const wanted = (await made()).script.match(/(?:from|import|require)\s*\(?\s*["']node:[a-z/_]+["']/g);
      assert.is(wanted, null);
    });

    test('is bound to every variable of the file, and to nothing else', async () => {
      const bound = (await made()).output.matchAll(/^env\.(\w+) /gm);
      assert.equal([...bound].map(([, name]) => name).sort(), Object.keys(config.vars).sort());
    });

    test('a file that wrangler does not understand is told in its words', async () => {
      const directory = await temporaryDirectory('workers');
      try {
        assert.throws(
          () => dryRun(directory, join(directory, 'none.jsonc')),
          /dry-run failed[\s\S]*none\.jsonc/,
        );
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    });
  },
  TIMEOUT_MS,
);

describe('wrangler.jsonc', ({ test }) => {
  const variables = Object.values(EDGE_VARIABLES);
  const secrets = variables.filter(({ isSecret }) => isSecret === true).map(({ name }) => name);

  test('lists every secret that the edge reads, and no other', () =>
    assert.equal([...config.secrets.required].sort(), secrets.sort()));

  test('sets variables that the edge knows, none of them a secret, each within the limit', () => {
    for (const [name, value] of Object.entries(config.vars)) {
      assert.ok(
        variables.some((one) => one.name === name),
        name,
      );
      assert.not.ok(secrets.includes(name), name);
      assert.ok(Buffer.byteLength(value) <= VARIABLE_MAX_BYTES, name);
    }
  });

  test('names the runtime that the tests use', () =>
    assert.is(config.compatibility_date, COMPATIBILITY_DATE));

  test('answers under one name, the one in its tokens', () => {
    const { hostname } = new URL(config.vars.HUSHWIRE_EDGE_PUBLIC_URL ?? '');
    assert.equal(config.routes, [{ pattern: hostname, custom_domain: true }]);
    assert.equal([config.workers_dev, config.preview_urls], [false, false]);
  });

  test('fits the example of deploy/aws, and runs in its region', () => {
    const file = join(CHECKOUT, 'deploy/aws/settings.example.json');
    const { region, edgeIssuer, apiHost } = JSON.parse(readFileSync(file, 'utf8'));
    assert.is(config.placement.region, `aws:${region}`);
    assert.is(config.vars.HUSHWIRE_EDGE_PUBLIC_URL, edgeIssuer);
    assert.is(config.vars.HUSHWIRE_EDGE_ORIGIN_API, `https://${apiHost}`);
  });

  test('lets the platform write down nobody', () => {
    assert.equal(config.observability, {
      enabled: false,
      logs: { enabled: false, invocation_logs: false },
      traces: { enabled: false },
    });
    assert.is(config.logpush, false);
  });
});

edgeContract(
  'on workerd, as wrangler would upload it',
  async () => {
    const bundle = await made();
    const { edge, stop } = await startEdgeStack((options) => startWorkerd(options, bundle));
    return { url: edge.url, stop };
  },
  { listener: 'the platform’s' },
);

function once(make: () => Promise<DryRun>): () => Promise<DryRun> {
  let result: Promise<DryRun> | undefined;
  return () => (result ??= make());
}
