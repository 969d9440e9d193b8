import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { listFiles } from './testing/files.ts';
import { scan } from './testing/imports.ts';
import { describe } from './testing/suite.ts';
import { breaches } from './testing/walls.ts';

describe('boundaries', ({ test }) => {
  test('hold in the whole tree', () => {
    const files = ['shared', 'edge', 'origin', 'loadtest', 'deploy'].flatMap((part) =>
      listFiles(part, (path) => /\.(?:tsx?|mjs)$/.test(path)),
    );
    assert.ok(files.length > 20, 'the tree was read');
    assert.equal(breaches(new Map(files.map((file) => [file, readFileSync(file, 'utf8')]))), []);
  });

  // What each wall keeps out: the importing file, and what it must not import.
  const forbidden: readonly (readonly [file: string, specifier: string])[] = [
    ['shared/codec.ts', 'jose'],
    ['shared/codec.ts', 'node:fs'],
    ['shared/codec.ts', '../edge/app.ts'],
    ['shared/codec.ts', './testing/suite.ts'],
    ['shared/token.ts', 'node:crypto'],
    ['shared/client/channel.ts', 'ws'],
    ['shared/client/channel.ts', './adapters/node-socket.ts'],
    ['edge/app.ts', 'ioredis'],
    ['edge/app.ts', 'node:http'],
    ['edge/app.ts', './adapters/upstash-state.ts'],
    ['edge/routes/connect.ts', '../../origin/hub.ts'],
    ['edge/deno.ts', '../origin/hub.ts'],
    ['edge/deno.ts', 'ioredis'],
    ['origin/hub.ts', './adapters/redis-broker.ts'],
    ['origin/hub.ts', 'uWebSockets.js'],
    ['origin/hub.ts', 'node:events'],
    ['origin/commands/publish.ts', '../../edge/tags.ts'],
    ['origin/main.ts', 'ioredis'],
    ['origin/test/drain.test.ts', '../../edge/tags.ts'],
    ['origin/test/drain.test.ts', '../main.ts'],
    ['edge/test/contract.ts', '../../origin/hub.ts'],
    ['deploy/local/stack.ts', '../../origin/main.ts'],
    ['deploy/cli/main.ts', '../local/boot.mjs'],
    ['deploy/local/stack.ts', '../cli/hushwire.mjs'],
    ['deploy/local/stack.ts', '../../edge/app.ts'],
    ['deploy/local/stack.ts', '../../shared/testing/suite.ts'],
    ['deploy/test/stack.test.ts', '../../loadtest/fanout.ts'],
    ['loadtest/fanout.ts', '../origin/hub.ts'],
    ['loadtest/fanout.ts', 'node:fs'],
    ['shared/codec.test.ts', './testing/run.ts'],
    ['shared/codec.test.ts', 'uvu'],
    ['shared/codec.test.ts', './frame.test.ts'],
    ['shared/codec.ts', './frame'],
    ['shared/codec.ts', './frame.js'],
    ['shared/codec.ts', './nowhere.ts'],
  ];
  for (const [file, specifier] of forbidden)
    test(`keep ${specifier} out of ${file}`, () => {
      for (const source of formsOf(specifier)) {
        const found = breaches(plant({ [file]: source }));
        assert.is(found.length, 1, `${source}: ${found.join(', ')}`);
        assert.ok(found[0]?.startsWith(`${file}: `), found[0]);
      }
    });

  const allowed: readonly (readonly [file: string, specifier: string])[] = [
    ['shared/codec.ts', './frame.ts'],
    ['shared/token.ts', 'jose'],
    ['shared/client/adapters/node-socket.ts', 'ws'],
    ['edge/app.ts', 'hono/cors'],
    ['edge/adapters/upstash-state.ts', '@upstash/redis/cloudflare'],
    ['edge/adapters/upstash-state.ts', '../ports.ts'],
    ['edge/deno.ts', './adapters/upstash-state.ts'],
    ['origin/hub.ts', './ports.ts'],
    ['origin/main.ts', './adapters/redis-broker.ts'],
    ['origin/test/drain.test.ts', '../../deploy/local/stack.ts'],
    ['origin/test/drain.test.ts', '../hub.ts'],
    ['deploy/local/stack.ts', '../../shared/client/channel.ts'],
    ['deploy/cli/hushwire.mjs', '../local/boot.mjs'],
    ['loadtest/fanout.ts', 'k6/http'],
    ['shared/codec.test.ts', 'uvu/assert'],
  ];
  for (const [file, specifier] of allowed)
    test(`let ${specifier} into ${file}`, () => {
      for (const source of formsOf(specifier)) assert.equal(breaches(plant({ [file]: source })), []);
    });

  test('let an adapter name the types of its core, and use none of its values', () => {
    const file = 'origin/adapters/redis-broker.ts';
    assert.equal(breaches(plant({ [file]: "import type { Hub } from '../hub.ts';" })), []);
    for (const source of ["import { hub } from '../hub.ts';", "import { type Hub } from '../hub.ts';"])
      assert.equal(breaches(plant({ [file]: source })), [`${file}: must not import origin/hub.ts`]);
  });

  test('refuse a second driver in one adapter', () => {
    const planted = plant({
      'origin/adapters/redis-broker.ts': "import 'ioredis'; import 'node:fs'; import 'ws';",
    });
    assert.equal(breaches(planted), ['origin/adapters/redis-broker.ts: has 2 drivers']);
  });

  test('refuse circular imports, even of types', () => {
    const planted = plant({
      'shared/a.ts': "import type { B } from './b.ts';",
      'shared/b.ts': "export * from './c.ts';",
      'shared/c.ts': "import './a.ts';",
    });
    assert.equal(breaches(planted), [
      'circular import: shared/a.ts → shared/b.ts → shared/c.ts → shared/a.ts',
    ]);
  });

  test('refuse the environment outside entries, tests and tools', () => {
    for (const source of ['process.env.PORT', "Deno.env.get('PORT')", 'globalThis.process?.env']) {
      assert.is(breaches(plant({ 'origin/hub.ts': source })).length, 1, source);
      assert.is(breaches(plant({ 'edge/adapters/upstash-state.ts': source })).length, 1, source);
      assert.equal(breaches(plant({ 'origin/main.ts': source, 'deploy/local/stack.ts': source })), []);
    }
  });

  test('refuse names that say nothing', () => {
    for (const file of [
      'shared/index.ts',
      'edge/utils.ts',
      'origin/helpers/a.ts',
      'deploy/common.mjs',
      'edge/index.test.ts',
    ])
      assert.equal(breaches(new Map([[file, '']])), [`${file}: has a name that says nothing`]);
    assert.equal(breaches(new Map([['shared/common-sense.ts', '']])), []);
  });

  test('refuse what undoes the compiler, computed imports and require', () => {
    const hatches = [
      '// @ts-nocheck',
      '/// <reference types="node" />',
      '// @ts-ignore',
      'import(name)',
      "require('ws')",
    ];
    for (const source of hatches) assert.is(breaches(plant({ 'shared/codec.ts': source })).length, 1, source);
  });

  test('refuse a file in a part that has no wall', () => {
    assert.equal(breaches(new Map([['backend/app.ts', '']])), ['backend/app.ts: lies behind no wall']);
  });
});

describe('scan', ({ test }) => {
  test('finds every form of import', () => {
    const source = `import a from 'a'; import { b, type C } from "b"; import type { D } from 'd';
      import * as e from 'e'; import 'f'; export { g } from 'g'; export * from 'h'; export type { I } from 'i';
      const j = await import('j'); type K = import('k').K; import l, { m } from 'l';`;
    const { imports } = scan(source);
    assert.is(imports.map(({ specifier }) => specifier).join(''), 'abdefghijkl');
    assert.is(imports.filter(({ form }) => form === 'type').length, 2);
    assert.is(imports.filter(({ form }) => form === 'dynamic').length, 2);
  });

  test('is not fooled by comments, strings, templates and regular expressions', () => {
    const source = `// import 'a'
      /* import 'b' */ const text = "import 'c'"; const more = \`import 'd'\`;
      const quote = /['"\`]/; const half = 1 / 2; import 'yes'; const url = 'http://x'; import.meta.url;
      export const from = 'e'; export function g() {} object.import('f');`;
    assert.equal(scan(source).imports, [{ specifier: 'yes', form: 'static' }]);
  });
});

function formsOf(specifier: string): string[] {
  return [
    `import { a } from '${specifier}';`,
    `import type { A } from '${specifier}';`,
    `export { a } from '${specifier}';`,
    `const a = await import('${specifier}');`,
  ];
}

/** A tree of empty files that the planted ones may refer to. */
function plant(files: Readonly<Record<string, string>>): Map<string, string> {
  const empty = [
    'deploy/local/boot.mjs',
    'deploy/cli/hushwire.mjs',
    'shared/codec.ts',
    'shared/frame.ts',
    'shared/frame.test.ts',
    'shared/client/channel.ts',
    'shared/client/adapters/node-socket.ts',
    'shared/testing/suite.ts',
    'shared/testing/run.ts',
    'edge/app.ts',
    'edge/ports.ts',
    'edge/tags.ts',
    'edge/adapters/upstash-state.ts',
    'origin/main.ts',
    'origin/hub.ts',
    'origin/ports.ts',
    'origin/adapters/redis-broker.ts',
    'deploy/local/stack.ts',
    'loadtest/fanout.ts',
  ];
  return new Map([...empty.map((file): [string, string] => [file, '']), ...Object.entries(files)]);
}
