/** What was measured on, and with which versions of everything. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { findRedis } from '../../deploy/local/servers/redis.ts';

export interface Setting {
  readonly machine: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly commit: string;
  readonly date: string;
}

const PACKAGES = [
  'socket.io',
  '@socket.io/redis-adapter',
  '@socket.io/redis-streams-adapter',
  'uWebSockets.js',
  'ioredis',
];

export async function describeSetting(): Promise<Setting> {
  const [cpu] = cpus();
  const memory = (totalmem() / 1024 ** 3).toFixed(0);
  const redis = execFileSync(await findRedis(), ['--version'], { encoding: 'utf8' });
  return {
    machine: `${cpus().length} × ${cpu?.model ?? 'unknown'}, ${memory} GiB, ${process.platform} ${release()}`,
    versions: {
      Node: process.version,
      Redis: /v=(\S+)/.exec(redis)?.[1] ?? redis.trim(),
      ...Object.fromEntries(PACKAGES.map((name) => [name, versionOf(name)])),
    },
    commit: commitOf(),
    date: new Date().toISOString().slice(0, 10),
  };
}

function versionOf(name: string): string {
  const manifest = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}

/** A copy without its history can be measured all the same. */
function commitOf(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}
