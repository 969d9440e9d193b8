import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { randomId } from '../../../shared/bytes.ts';
import { onFreePort } from '../ports.ts';
import { type Account, canEnter, serverAccount } from './account.ts';
import { findNative, type Native } from './postgres-native.ts';
import { endStaleServer } from './postgres-stale.ts';
import { type OnSpawn, type RunningServer, startProcess } from './process.ts';
import { READABLE_ROOT, reachableDirectory } from './readable.ts';
import { temporaryDirectory } from './temporary.ts';

const run = promisify(execFile);

/** The role our clusters are made with. */
const ROLE = 'hushwire';
/** Made by initdb in every cluster, so that none has to be created. */
const DATABASE = 'postgres';

export interface PostgresOptions {
  /** Where its data lives, synced to disk; absent: a temporary directory, not synced, removed by `stop()`. */
  readonly dir?: string | undefined;
  readonly port?: number | undefined;
  readonly onSpawn?: OnSpawn | undefined;
  /** Told, in one plain sentence, when data or programs had to go elsewhere. */
  readonly say?: ((sentence: string) => void) | undefined;
}

/**
 * A real PostgreSQL on 127.0.0.1, without Unix sockets, SCRAM with a random password that `url` carries. As root it
 * runs as an unprivileged account. A server that an earlier, killed run left on the same data is ended first. Throws
 * an Error in plain words when it cannot be started.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<RunningServer> {
  const { dir, port, onSpawn, say = () => undefined } = options;
  const account = await serverAccount();
  const native = await findNative(account, say);
  const home = dir === undefined ? await temporaryHome(account) : await lastingHome(dir, { account, say });
  const discard = () => (dir === undefined ? rm(home, { recursive: true, force: true }) : undefined);
  const cluster: Cluster = { native, account, home, keeps: dir !== undefined, onSpawn };
  try {
    await endStaleServer(dataOf(home));
    const password = await initialise(cluster);
    const server = await onFreePort(port, (candidate) => launch(cluster, { port: candidate, password }));
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

interface Cluster {
  readonly native: Native;
  readonly account: Account | undefined;
  readonly home: string;
  readonly keeps: boolean;
  readonly onSpawn: OnSpawn | undefined;
}

function dataOf(home: string): string {
  return join(home, 'data');
}

/** `dir`, or a place elsewhere when the server's account cannot get there. */
async function lastingHome(
  dir: string,
  { account, say }: { account: Account | undefined; say: (sentence: string) => void },
): Promise<string> {
  const home = account === undefined ? dir : await reachableDirectory(dir, account);
  if (home !== dir) say(`PostgreSQL's account may not enter ${dirname(dir)}, so its data is in ${home}`);
  await mkdir(home, { recursive: true, mode: 0o700 });
  await own(home, account);
  return home;
}

async function temporaryHome(account: Account | undefined): Promise<string> {
  const isOpen = account === undefined || (await canEnter(tmpdir(), account));
  const home = await temporaryDirectory('postgres', {
    parent: isOpen ? undefined : READABLE_ROOT,
    endStale: (stale) => endStaleServer(dataOf(stale)),
  });
  await own(home, account);
  return home;
}

async function own(path: string, account: Account | undefined): Promise<void> {
  if (account !== undefined) await chown(path, account.uid, account.gid);
}

/** Makes the cluster unless it is there; the password. A cluster whose making was cut short is made anew. */
async function initialise({ native, account, home, keeps }: Cluster): Promise<string> {
  const passwordFile = join(home, 'password');
  const doneFile = join(home, 'initialised');
  const known = await readText(passwordFile);
  if (known !== undefined && (await readText(doneFile)) !== undefined) return known;
  const password = randomId(24);
  await rm(dataOf(home), { recursive: true, force: true });
  await writeFile(passwordFile, password, { mode: 0o600 });
  await chmod(passwordFile, 0o600);
  await own(passwordFile, account);
  await run(
    native.initdb,
    [
      `--pgdata=${dataOf(home)}`,
      `--username=${ROLE}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      ...(keeps ? [] : ['--no-sync']),
    ],
    { cwd: home, env: { TZ: 'UTC' }, ...account },
  );
  await writeFile(doneFile, '');
  return password;
}

/** What tests need not pay for: their data is thrown away. */
const UNSAFE_BUT_FAST = ['-c', 'fsync=off', '-c', 'synchronous_commit=off', '-c', 'full_page_writes=off'];

async function launch(
  { native, account, home, keeps, onSpawn }: Cluster,
  { port, password }: { port: number; password: string },
): Promise<RunningServer> {
  const child = await startProcess({
    name: 'PostgreSQL',
    command: native.postgres,
    args: [
      ...['-D', dataOf(home), '-p', String(port)],
      ...['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
      ...(keeps ? [] : UNSAFE_BUT_FAST),
    ],
    env: { TZ: 'UTC' },
    cwd: home,
    account,
    isReady: (line) => line.includes('database system is ready to accept connections'),
    onSpawn,
    // Fast shutdown; SIGTERM would wait for every client (PostgreSQL manual, "Shutting Down the Server").
    stopSignal: 'SIGINT',
    // Immediate shutdown: like a crash for the data, but its own children end and its shared memory is given back.
    exitSignal: 'SIGQUIT',
  });
  return { ...child, port, url: `postgres://${ROLE}:${password}@127.0.0.1:${port}/${DATABASE}` };
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
