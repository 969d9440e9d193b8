/** What `wrangler deploy` would upload to Workers, made by wrangler itself, without account or network. */
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { CHECKOUT } from '../local/servers/checkout.ts';
import type { Bundle } from '../local/servers/workerd.ts';

/** The settings of the Worker. */
export const WRANGLER_CONFIG = join(CHECKOUT, 'deploy', 'edge', 'wrangler.jsonc');
const WRANGLER = join(CHECKOUT, 'deploy', 'edge', 'node_modules', 'wrangler', 'bin', 'wrangler.js');
/** Where wrangler keeps its own files in any case. */
const HOME = join(CHECKOUT, 'deploy', 'edge', '.wrangler');
/** Nothing of ours, so that no account's variables are used; no question, no figures sent, no look for an update. */
const ENVIRONMENT = {
  PATH: process.env.PATH,
  HOME,
  CI: '1',
  NO_COLOR: '1',
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_LOG_PATH: join(HOME, 'logs'),
};
/** It takes two seconds; one that waits for an answer or for the network never ends. */
const TIMEOUT_MS = 60_000;

export interface DryRun extends Bundle {
  /** What wrangler printed: the size of the upload and the bindings by name. */
  readonly output: string;
}

/**
 * Runs `wrangler deploy --dry-run` into `directory`, which is emptied first. Throws an Error with wrangler's words when it
 * fails. The packages of deploy/edge must be installed.
 */
export function dryRun(directory: string, config: string = WRANGLER_CONFIG): DryRun {
  rmSync(directory, { recursive: true, force: true });
  const args = [WRANGLER, 'deploy', '--dry-run', '--config', config, '--outdir', directory];
  const { status, stdout, stderr, error } = spawnSync(process.execPath, args, {
    cwd: CHECKOUT,
    env: ENVIRONMENT,
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
  });
  if (error !== undefined || status !== 0)
    throw new Error(`wrangler deploy --dry-run failed: ${error?.message ?? ''}\n${stderr}${stdout}`);
  const script = readFileSync(join(directory, 'worker.js'), 'utf8');
  return {
    script,
    bytes: Buffer.byteLength(script),
    gzipBytes: gzipSync(script).length,
    output: stdout,
  };
}
