import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import { buildSdk, SDK_ENTRIES } from './sdk-build.ts';
import { CHECKOUT } from './servers/checkout.ts';

/** What each entry is for; enough to see that it is the one its name promises. */
const OFFERS: Readonly<Record<string, string>> = {
  client: 'connectAccount',
  messenger: 'createAccount',
  attachment: 'sealAttachment',
  signals: 'Signals',
  receipts: 'Receipts',
  typing: 'Typing',
  'indexed-stores': 'indexedStores',
  'file-stores': 'fileStores',
  'node-socket': 'openNodeSocket',
  'invitation-link': 'invitationLink',
  report: 'sealReport',
  'ban-list': 'openBanList',
};

describe('the published SDK', ({ test, before, after }) => {
  let dir = '';
  before(async () => {
    // Inside the tree, where `ws` is found as it is by an application that has installed the package.
    dir = await mkdtemp(join(CHECKOUT, 'node_modules', '.sdk-'));
  });
  after(() => rm(dir, { recursive: true, force: true }));

  test('is exported entry by entry, each with the types of its source', async () => {
    const manifest = JSON.parse(await readFile(join(CHECKOUT, 'package.json'), 'utf8')) as {
      exports: unknown;
    };
    const expected = Object.entries(SDK_ENTRIES).map(([name, source]) => [
      `./${name}`,
      {
        types: `./.hushwire/sdk/types/${source.replace(/\.ts$/, '.d.ts')}`,
        default: `./.hushwire/sdk/${name}.js`,
      },
    ]);
    assert.equal(manifest.exports, Object.fromEntries(expected));
  });

  test('is ES modules that Node loads as they are, and that offer what their names promise', async () => {
    for (const [name, entry] of Object.entries(SDK_ENTRIES))
      await writeFile(join(dir, `${name}.mjs`), (await buildSdk(entry)).script);
    const names = Object.keys(SDK_ENTRIES);
    const asking = names.map((name) => `['${name}', Object.keys(await import('./${name}.mjs'))]`);
    const program = join(dir, 'ask.mjs');
    await writeFile(program, `console.log(JSON.stringify(Object.fromEntries([${asking}])));`);
    const { stdout } = await promisify(execFile)(process.execPath, [program]);
    const offered = JSON.parse(stdout) as Record<string, string[]>;
    for (const name of names) assert.ok(offered[name]?.includes(OFFERS[name] ?? ''), name);
  });

  test('has a reference, made from its docstrings, of all that it offers', async () => {
    await promisify(execFile)(process.execPath, [join(CHECKOUT, 'deploy', 'local', 'boot.mjs'), 'api']);
    const symbols = await readFile(join(CHECKOUT, '.hushwire', 'api', 'all_symbols.html'), 'utf8');
    for (const name of Object.values(OFFERS)) assert.ok(symbols.includes(`>${name}<`), name);
  });
});
