import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildSdk } from './sdk-build.ts';
import { CHECKOUT } from './servers/checkout.ts';

const HELP = `npm run sdk

Builds the client SDK as package.json exports it: one ES module per entry for browsers, Node and Deno in .hushwire/sdk/,
its types beside it.`;

/** What applications import, by the name package.json exports it under. */
const ENTRIES: Readonly<Record<string, string>> = {
  client: 'shared/client/hushwire.ts',
  messenger: 'shared/client/mls/messenger.ts',
  attachment: 'shared/client/attachment.ts',
  signals: 'shared/client/signals.ts',
  receipts: 'shared/client/receipts.ts',
  typing: 'shared/client/typing.ts',
  'indexed-stores': 'shared/client/adapters/indexed-stores.ts',
  'invitation-link': 'shared/client/invitation-link.ts',
  report: 'shared/client/report.ts',
  'ban-list': 'shared/client/ban-list.ts',
};
const OUT = join(CHECKOUT, '.hushwire', 'sdk');

/** `npm run sdk`: resolves with the exit code. */
export async function main(args: string[]): Promise<number> {
  if (args.length > 0) {
    console.log(HELP);
    return args.every((arg) => arg === '--help' || arg === '-h') ? 0 : 1;
  }
  await rm(OUT, { recursive: true, force: true });
  await mkdir(OUT, { recursive: true });
  for (const [name, entry] of Object.entries(ENTRIES)) {
    const { script, gzipBytes } = await buildSdk(entry);
    await writeFile(join(OUT, `${name}.js`), script);
    console.log(`.hushwire/sdk/${name}.js: gzipped ${(gzipBytes / 1024).toFixed(1)} KiB`);
  }
  await declareTypes();
  return 0;
}

/** One declaration per source file, under the paths of the tree. */
async function declareTypes(): Promise<void> {
  const tsc = join(CHECKOUT, 'node_modules/typescript/bin/tsc');
  const flags = ['--noEmit', 'false', '--declaration', '--emitDeclarationOnly'];
  const place = ['--outDir', join(OUT, 'types'), '--rootDir', CHECKOUT];
  await promisify(execFile)(process.execPath, [tsc, '-p', join(CHECKOUT, 'shared'), ...flags, ...place]);
}
