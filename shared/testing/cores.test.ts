import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, normalize, relative, resolve } from 'node:path';
import * as assert from 'uvu/assert';
import { listFiles } from './files.ts';
import { mapParallel } from './parallel.ts';
import { describe } from './suite.ts';

const CORES = ['shared', 'edge', 'origin'];
/** One global a line; the last line is what every runtime has, and must compile. */
const FIXTURE = [
  'process.pid',
  'Buffer.from([])',
  'Deno.pid',
  'setImmediate',
  'document.title',
  'crypto.randomUUID()',
];
/** Options that mean nothing to Deno: it never emits, and always wants and allows the ending. */
const DENO_HAS_ITS_OWN = new Set(['allowImportingTsExtensions', 'noEmit', 'skipLibCheck']);
const PARALLEL = 2;
/** The compiler reads a whole part; several parts at once on a small, busy machine. */
const TIMEOUT_MS = 60_000;

describe(
  'cores',
  ({ test }) => {
    for (const core of CORES)
      test(`${core}: the globals of one runtime do not compile, however the core grows`, async () => {
        assert.equal(await brokenLines(resolve(core, 'tsconfig.json')), [1, 2, 3, 4, 5]);
      });

    test('every file belongs to a program that check compiles', async () => {
      const seen = new Set<string>();
      const parts = listFiles('.', (path) => path.endsWith('/tsconfig.json')).map(dirname);
      const lists = await mapParallel(parts, (part) => tsc('-p', part, '--listFilesOnly'), PARALLEL);
      for (const file of lists.flatMap((list) => list.split('\n'))) seen.add(relative('.', file));
      const sources = listFiles('.', (path) => path.endsWith('.ts') && !isDeno(path)).map((path) =>
        normalize(path),
      );
      assert.equal(
        sources.filter((file) => !seen.has(file)),
        [],
      );
    });

    test('Deno compiles as strictly as everything else', async () => {
      const switches = Object.entries(await compilerOptions('tsconfig.json')).filter(
        ([option, value]) => value === true && !DENO_HAS_ITS_OWN.has(option),
      );
      assert.equal(await compilerOptions('deno.json'), Object.fromEntries(switches));
    });
  },
  TIMEOUT_MS,
);

/** Files only Deno's compiler reads: they name its globals. */
function isDeno(path: string): boolean {
  return path === 'edge/deno.ts' || /^edge\/adapters\/.*-deno\.ts$/.test(path);
}

async function compilerOptions(file: string): Promise<Record<string, unknown>> {
  const { compilerOptions: options } = JSON.parse(await readFile(file, 'utf8')) as {
    compilerOptions: Record<string, unknown>;
  };
  return options;
}

/**
 * Lines of the fixture that do not compile together with everything the core really holds: a library whose types pull
 * in Node's would open the core to them.
 */
async function brokenLines(config: string): Promise<number[]> {
  const dir = await mkdtemp(join(tmpdir(), 'hushwire-core-'));
  try {
    const source = FIXTURE.map((expression, at) => `export const v${at}: unknown = ${expression};\n`).join(
      '',
    );
    await writeFile(join(dir, 'fixture.mts'), source);
    await writeFile(join(dir, 'tsconfig.json'), JSON.stringify({ extends: config, files: ['fixture.mts'] }));
    const output = await tsc('-p', dir);
    return [...output.matchAll(/fixture\.mts\((\d+),/g)].map(([, line]) => Number(line));
  } finally {
    await rm(dir, { recursive: true });
  }
}

/** What the compiler prints, whether it finds faults or not. */
function tsc(...args: string[]): Promise<string> {
  const program = resolve('node_modules/typescript/bin/tsc');
  return new Promise((done) => {
    execFile(process.execPath, [program, '--pretty', 'false', ...args], (_error, stdout) => done(stdout));
  });
}
