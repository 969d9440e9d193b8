import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { SDK_ENTRIES } from './sdk-build.ts';
import { CHECKOUT } from './servers/checkout.ts';
import { findDeno } from './servers/edge.ts';

const HELP = `npm run api

Writes the SDK's API reference, made from its docstrings, to .hushwire/api/index.html.`;

/** `npm run api`: resolves with the exit code. */
export async function main(args: string[]): Promise<number> {
  if (args.length > 0) {
    console.log(HELP);
    return args.every((arg) => arg === '--help' || arg === '-h') ? 0 : 1;
  }
  const out = join(CHECKOUT, '.hushwire', 'api');
  await rm(out, { recursive: true, force: true });
  await mkdir(dirname(out), { recursive: true });
  const flags = ['doc', '--html', '--name=Hushwire', `--output=${out}`];
  const env = {
    ...process.env,
    DENO_DIR: join(CHECKOUT, 'node_modules/.cache/deno'),
    DENO_NO_UPDATE_CHECK: '1',
  };
  await promisify(execFile)(await findDeno(), [...flags, ...Object.values(SDK_ENTRIES)], {
    cwd: CHECKOUT,
    env,
  });
  console.log('written: .hushwire/api/index.html');
  return 0;
}
