import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, chmod, mkdir, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { randomId } from '../../../shared/bytes.ts';
import { onFreePort } from '../ports.ts';
import { type OnSpawn, type RunningServer, startProcess } from './process.ts';
import { temporaryDirectory } from './temporary.ts';

const run = promisify(execFile);

/** Oldest server with sharded pub/sub, which the relay uses. */
export const REDIS_MAJOR_MIN = 7;
const NAMES = ['redis-server', 'valkey-server'];

export interface RedisOptions {
  /** Where its append-only file lives; absent: nothing is kept, and a temporary directory is removed by `stop()`. */
  readonly dir?: string | undefined;
  readonly port?: number | undefined;
  /** The same password again lets clients of an earlier server on this port come back. */
  readonly password?: string | undefined;
  /** More lines of its configuration, each one directive. */
  readonly settings?: readonly string[] | undefined;
  readonly onSpawn?: OnSpawn | undefined;
}

export interface RedisServer extends RunningServer {
  /** SIGKILL, as a crash would; what it kept stays in `dir` until `stop()`. */
  kill(): Promise<void>;
}

/**
 * A real Redis or Valkey on 127.0.0.1 with a password of its own in `url`, `noeviction`, no snapshots. With `dir` it
 * keeps an append-only file there, flushed every second (Redis, "Redis persistence"). Throws an Error in plain words
 * when no usable server program is there or it does not start.
 */
export async function startRedis({
  dir,
  port,
  password = randomId(24),
  settings = [],
  onSpawn,
}: RedisOptions = {}): Promise<RedisServer> {
  const command = await findRedis();
  const home = dir ?? (await temporaryDirectory('redis'));
  await mkdir(home, { recursive: true, mode: 0o700 });
  await chmod(home, 0o700);
  const discard = () => (dir === undefined ? rm(home, { recursive: true, force: true }) : undefined);
  const start = (candidate: number) =>
    launch({ command, home, keeps: dir !== undefined, port: candidate, password, settings, onSpawn });
  try {
    const server = await onFreePort(port, start);
    const stop = async () => {
      await server.stop();
      await discard();
    };
    return { ...server, stop };
  } catch (error) {
    await discard();
    throw error;
  }
}

/**
 * The server program: `HUSHWIRE_REDIS_SERVER`, or `redis-server` or `valkey-server` of the PATH, at least version 7.
 * Throws an Error in plain words when there is none.
 */
export async function findRedis(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const given = env.HUSHWIRE_REDIS_SERVER;
  const directories = (env.PATH ?? '').split(delimiter).filter((directory) => directory !== '');
  const candidates = given
    ? [given]
    : NAMES.flatMap((name) => directories.map((directory) => join(directory, name)));
  let tooOld = '';
  for (const candidate of candidates) {
    const major = await readMajor(candidate);
    if (major === undefined) continue;
    if (major >= REDIS_MAJOR_MIN) return candidate;
    tooOld = `${candidate} is version ${major}, wanted is ${REDIS_MAJOR_MIN} or newer`;
  }
  if (tooOld !== '') throw new Error(`Cannot use Redis: ${tooOld}`);
  throw new Error(
    `Cannot find Redis: ${given ? `${given} does not run` : `no ${NAMES.join(' or ')} on the PATH`}`,
  );
}

interface Launch {
  readonly command: string;
  readonly home: string;
  readonly keeps: boolean;
  readonly port: number;
  readonly password: string;
  readonly settings: readonly string[];
  readonly onSpawn: OnSpawn | undefined;
}

async function launch(options: Launch): Promise<RedisServer> {
  const { command, home, port, password, onSpawn } = options;
  const child = await startProcess({
    name: 'Redis',
    command,
    args: ['-'],
    env: {},
    cwd: home,
    input: configuration(options),
    isReady: (line) => line.includes('Ready to accept connections'),
    onSpawn,
  });
  return { ...child, port, url: `redis://:${password}@127.0.0.1:${port}` };
}

/** Read by the server from its standard input, so that the password is in no file and no process list. */
function configuration({ home, keeps, port, password, settings }: Launch): string {
  return [
    'bind 127.0.0.1',
    `port ${port}`,
    'protected-mode yes',
    `requirepass ${password}`,
    `dir ${JSON.stringify(home)}`,
    'save ""',
    `appendonly ${keeps ? 'yes' : 'no'}`,
    'appendfsync everysec',
    'maxmemory-policy noeviction',
    'daemonize no',
    'set-proc-title no',
    ...settings,
    '',
  ].join('\n');
}

/** `Redis server v=7.0.15 …` or `Valkey server v=8.1.1 …`; undefined when it does not run. */
async function readMajor(command: string): Promise<number | undefined> {
  try {
    await access(command, constants.X_OK);
    const { stdout } = await run(command, ['--version']);
    const major = /\bv=(\d+)\./.exec(stdout)?.[1];
    return major === undefined ? undefined : Number(major);
  } catch {
    return undefined;
  }
}
