import { join } from 'node:path';
import { CHECKOUT } from './servers/checkout.ts';
import { buildWeb } from './web-build.ts';

const HELP = `npm run web

Builds the web messenger into .hushwire/web/, which an edge serves when HUSHWIRE_EDGE_WEB_DIR names it and it may read it.
npm start does both by itself.`;

/** `npm run web`: resolves with the exit code. */
export async function main(args: string[]): Promise<number> {
  if (args.length > 0) {
    console.log(HELP);
    return args.every((arg) => arg === '--help' || arg === '-h') ? 0 : 1;
  }
  const { gzipBytes } = await buildWeb(join(CHECKOUT, '.hushwire', 'web'));
  console.log(`.hushwire/web: gzipped ${(gzipBytes / 1024).toFixed(1)} KiB`);
  return 0;
}
