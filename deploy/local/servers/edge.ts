import { constants } from 'node:fs';
import { access, chmod, mkdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Keys } from '../keys.ts';
import { CHECKOUT } from './checkout.ts';
import { readEvent } from './log-line.ts';
import { type Exit, type OnSpawn, startProcess } from './process.ts';
import { temporaryDirectory } from './temporary.ts';

export interface EdgeOptions {
  /** Fixed beforehand, since origins must know the edge's URL before it starts. */
  readonly port: number;
  readonly keys: Keys;
  /** The state Redis: its REST URL and bearer token. */
  readonly stateUrl: string;
  readonly stateToken: string;
  /** Internal API of each origin (`OriginServer.internalUrl`). */
  readonly originApi: readonly string[];
  /** Socket URL of each origin (`OriginServer.url`), for the pass-through: it may connect nowhere else. */
  readonly sockets: readonly string[];
  readonly webOrigins?: readonly string[] | undefined;
  /** Where Deno keeps its compiled files; absent: a temporary directory that `stop()` removes. */
  readonly dir?: string | undefined;
  /** Files it may read; none when absent. */
  readonly files?: readonly string[] | undefined;
  /** Directory of the built web messenger, which it then may read; it serves none when absent. */
  readonly webDir?: string | undefined;
  /** PEM file of an authority it trusts besides the system's. */
  readonly certificateAuthority?: string | undefined;
  /** Program and arguments in front of its own command. */
  readonly within?: readonly string[] | undefined;
  /** Root of the tree whose code it runs; default this checkout. */
  readonly tree?: string | undefined;
  /** More `HUSHWIRE_EDGE_` variables. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly onSpawn?: OnSpawn | undefined;
}

/** The edge in a Deno process of its own. */
export interface EdgeServer {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly lines: string[];
  readonly ended: Promise<Exit>;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

/** The URL an edge on this port will have: what its tokens and its origins are issued for. */
export function edgeUrl(port: number): string {
  return `http://127.0.0.1:${port}`;
}

/**
 * Starts the edge on 127.0.0.1 with the least permissions that work: it may listen on its port, connect to the given
 * servers, and read its own variables; no files, no processes, no downloads.
 */
export async function startEdge(options: EdgeOptions): Promise<EdgeServer> {
  const { port, dir, within = [], onSpawn } = options;
  const home = dir ?? (await temporaryDirectory('deno'));
  await mkdir(home, { recursive: true, mode: 0o700 });
  const discard = () => (dir === undefined ? rm(home, { recursive: true, force: true }) : undefined);
  try {
    const deno = await findDeno();
    const [command = deno, ...args] = [
      ...within,
      deno,
      'run',
      ...permissions(options),
      join('edge', 'deno.ts'),
    ];
    const child = await startProcess({
      name: 'edge',
      command,
      args,
      cwd: options.tree ?? CHECKOUT,
      env: {
        ...{ DENO_DIR: home, DENO_NO_UPDATE_CHECK: '1', NO_COLOR: '1' },
        ...(options.certificateAuthority && { DENO_CERT: options.certificateAuthority }),
        ...environment(options),
      },
      isReady: (line) => readEvent(line)?.event === 'edge.ready',
      onSpawn,
    });
    const then = (end: () => Promise<void>) => async () => {
      await end();
      await discard();
    };
    return { ...child, port, url: edgeUrl(port), stop: then(child.stop), kill: then(child.kill) };
  } catch (error) {
    await discard();
    throw error;
  }
}

/**
 * The native program, in the platform package npm chose: the `deno` command is a wrapper unless its install script
 * ran, and whoever ends a wrapper leaves the real process behind. Throws an Error in plain words when it is missing.
 */
export async function findDeno(): Promise<string> {
  const require = createRequire(import.meta.url);
  const platform = `${process.platform}-${process.arch}`;
  for (const name of [`@deno/${platform}-glibc`, `@deno/${platform}`]) {
    const program = programOf(require, name);
    if (program === undefined) continue;
    await makeExecutable(program);
    return program;
  }
  throw new Error(`Cannot find Deno: no package for ${platform} is installed (npm ci installs it)`);
}

function programOf(require: NodeJS.Require, name: string): string | undefined {
  try {
    return join(dirname(require.resolve(`${name}/package.json`)), 'deno');
  } catch {
    return undefined;
  }
}

async function makeExecutable(program: string): Promise<void> {
  try {
    await access(program, constants.X_OK);
  } catch {
    await chmod(program, 0o755);
  }
}

function permissions(options: EdgeOptions): string[] {
  const { port, stateUrl, originApi, sockets, webDir, files = [], env = {} } = options;
  const read = webDir === undefined ? files : [...files, webDir];
  const { HUSHWIRE_EDGE_METRICS_PORT: metricsPort } = env;
  const metrics = metricsPort === undefined ? [] : [`http://127.0.0.1:${metricsPort}`];
  const peers = [stateUrl, ...originApi, ...sockets, ...metrics].map(hostAndPort);
  return [
    ...['--no-prompt', '--no-remote', '--cached-only', '--no-lock', '--node-modules-dir=manual'],
    `--allow-net=${[`127.0.0.1:${port}`, ...new Set(peers)].join(',')}`,
    '--allow-env=HUSHWIRE_EDGE_*',
    ...(read.length === 0 ? [] : [`--allow-read=${read.join(',')}`]),
  ];
}

function hostAndPort(url: string): string {
  const { protocol, hostname, port } = new URL(url);
  const usual = protocol === 'https:' || protocol === 'wss:' ? '443' : '80';
  return `${hostname}:${port || usual}`;
}

/** The variables of an edge on this machine, whatever it runs on. */
export function environment({
  port,
  keys,
  webOrigins = [],
  webDir = '',
  ...options
}: EdgeOptions): Record<string, string> {
  return {
    HUSHWIRE_EDGE_HOST: '127.0.0.1',
    HUSHWIRE_EDGE_PORT: String(port),
    HUSHWIRE_EDGE_PUBLIC_URL: edgeUrl(port),
    HUSHWIRE_EDGE_SIGNING_KEYS: keys.signingKeys,
    HUSHWIRE_EDGE_TAG_KEY: keys.tagKey,
    HUSHWIRE_EDGE_SEAL_KEYS: keys.sealKeys,
    HUSHWIRE_EDGE_FRANKING_KEYS: keys.frankingKey,
    HUSHWIRE_EDGE_STATE_URL: options.stateUrl,
    HUSHWIRE_EDGE_STATE_TOKEN: options.stateToken,
    HUSHWIRE_EDGE_ORIGIN_API: options.originApi.join(','),
    HUSHWIRE_EDGE_WEB_ORIGINS: webOrigins.join(','),
    HUSHWIRE_EDGE_WEB_DIR: webDir,
    // Here everybody calls from one address, and the stores share the machine with whoever uses them.
    HUSHWIRE_EDGE_LIMIT_PROFILE: 'loadtest',
    HUSHWIRE_EDGE_LIMIT_TIMEOUT_MS: '2000',
    ...options.env,
  };
}
