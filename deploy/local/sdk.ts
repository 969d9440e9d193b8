import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildSdk, SDK_ENTRIES } from './sdk-build.ts';
import { CHECKOUT } from './servers/checkout.ts';

const HELP = `npm run sdk

Builds the client SDK as package.json exports it: one ES module per entry for browsers, Node and Deno in .hushwire/sdk/,
its types beside it.`;

const OUT = join(CHECKOUT, '.hushwire', 'sdk');

/** `npm run sdk`: resolves with the exit code. */
export async function main(args: string[]): Promise<number> {
  if (args.length > 0) {
    console.log(HELP);
    return args.every((arg) => arg === '--help' || arg === '-h') ? 0 : 1;
  }
  await rm(OUT, { recursive: true, force: true });
  await mkdir(OUT, { recursive: true });
  for (const [name, entry] of Object.entries(SDK_ENTRIES)) {
    const { script, gzipBytes } = await buildSdk(entry);
    await writeFile(join(OUT, `${name}.js`), script);
    console.log(`.hushwire/sdk/${name}.js: gzipped ${(gzipBytes / 1024).toFixed(1)} KiB`);
  }
  await declareTypes();
  return 0;
}

/** One declaration per source file, under the paths of the tree. */
async function declareTypes(): Promise<void> {
  const project = join(OUT, 'tsconfig.json');
  const files = Object.values(SDK_ENTRIES).map((source) => join(CHECKOUT, source));
  const compilerOptions = {
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    types: ['node'], // For the entries that only processes load.
    outDir: join(OUT, 'types'),
    rootDir: CHECKOUT,
  };
  const extended = join(CHECKOUT, 'tsconfig.json');
  await writeFile(project, JSON.stringify({ extends: extended, compilerOptions, files }));
  const tsc = join(CHECKOUT, 'node_modules/typescript/bin/tsc');
  await promisify(execFile)(process.execPath, [tsc, '-p', project]);
  await rm(project);
}
