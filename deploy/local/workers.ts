import { join } from 'node:path';
import { dryRun } from '../edge/dry-run.ts';
import { CHECKOUT } from './servers/checkout.ts';
import { WORKER_GZIP_MAX_BYTES } from './servers/workerd.ts';

const HELP = `npm run workers

Builds the edge as Cloudflare Workers take it (wrangler deploy --dry-run, settings in deploy/edge/wrangler.jsonc), into
.hushwire/workers/, without account or network, and prints its size and its bindings. The exit code is 1 when it cannot be
built or has grown too large. deploy/edge/README.md tells how to deploy it.`;
const OUT = join('.hushwire', 'workers');

/** `npm run workers`: resolves with the exit code. */
export async function main(args: string[]): Promise<number> {
  if (args.length > 0) {
    console.log(HELP);
    return args.every((arg) => arg === '--help' || arg === '-h') ? 0 : 1;
  }
  const { bytes, gzipBytes, output } = dryRun(join(CHECKOUT, OUT));
  console.log(output.trim());
  const limit = `gzipped ${kib(gzipBytes)} of at most ${kib(WORKER_GZIP_MAX_BYTES)} KiB`;
  console.log(`${join(OUT, 'worker.js')}: ${kib(bytes)} KiB, ${limit}`);
  return gzipBytes > WORKER_GZIP_MAX_BYTES ? 1 : 0;
}

function kib(bytes: number): string {
  return (bytes / 1024).toFixed(1);
}
