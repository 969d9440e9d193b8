/** A host of two node processes for tests: its stores, its variables and who may come in. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createKeys } from '../../deploy/local/keys.ts';
import { freePort } from '../../deploy/local/ports.ts';
import { type RunningProcess, startProcess } from '../../deploy/local/servers/process.ts';
import { startRedis } from '../../deploy/local/servers/redis.ts';
import { temporaryDirectory } from '../../deploy/local/servers/temporary.ts';
import { randomId } from '../../shared/bytes.ts';
import { createDatabase } from '../../shared/testing/database.ts';
import { WireClient } from '../../shared/testing/wire-client.ts';
import { createSigner, type JWK } from '../../shared/token.ts';
import { createPerson, ISSUER } from './fixture.ts';

/** What hosts run on. */
export interface HostStores {
  /** File with the public keys of the edge. */
  readonly keyFile: string;
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

export interface Host {
  readonly process: RunningProcess;
  readonly healthUrl: string;
  readonly publicKeys: string;
  /** Connects with a ticket that `signingKeys` sign, or else those it was started with. */
  connect(signingKeys?: string): Promise<WireClient>;
}

/** Starts a Redis and makes a database. */
export async function startHostStores(): Promise<HostStores> {
  const parts = [startRedis(), createDatabase(), temporaryDirectory('host')] as const;
  const [redis, database, directory] = await Promise.all(parts);
  const keyFile = join(directory, 'keys.json');
  return {
    keyFile,
    env: {
      HUSHWIRE_ORIGIN_NODE: 'h',
      HUSHWIRE_ORIGIN_PROCESSES: '2',
      HUSHWIRE_ORIGIN_RELAY_URL: redis.url,
      HUSHWIRE_ORIGIN_DATABASE_URL: database.url,
      HUSHWIRE_ORIGIN_EDGE_ISSUER: ISSUER,
      HUSHWIRE_ORIGIN_EDGE_KEYS_FILE: keyFile,
      HUSHWIRE_ORIGIN_INTERNAL_PORT: '0',
      HUSHWIRE_ORIGIN_DRAIN_CAP_MS: '1000',
    },
    stop: async () => {
      await rm(directory, { recursive: true, force: true });
      await database.drop();
      await redis.stop();
    },
  };
}

export interface HostOptions {
  /** Program and arguments in front of the host's own command. */
  readonly within?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a host of two processes with fresh keys; resolves when both are ready. */
export async function startHost(stores: HostStores, { within = [], env }: HostOptions = {}): Promise<Host> {
  const { publicKeys, signingKeys } = await createKeys();
  await writeFile(stores.keyFile, publicKeys);
  const [port, healthPort] = [await freePort(), await freePort()];
  const ready = new Set<string>();
  const own = [process.execPath, '--import', 'tsx', join('origin', 'host.ts')];
  const [command = process.execPath, ...args] = [...within, ...own];
  const host = await startProcess({
    name: 'host',
    command,
    args,
    env: {
      ...stores.env,
      HUSHWIRE_ORIGIN_PORT: String(port),
      HUSHWIRE_ORIGIN_HEALTH_PORT: String(healthPort),
      ...env,
    },
    isReady: (line) => {
      if (line.includes('"origin.ready"')) ready.add(line);
      return ready.size === 2;
    },
  });
  return {
    process: host,
    healthUrl: `http://127.0.0.1:${healthPort}`,
    publicKeys,
    connect: async (given = signingKeys) => {
      const client = new WireClient(`ws://127.0.0.1:${port}/v1/socket`, { ticket: await ticketOf(given) });
      client.socket.on('error', () => undefined);
      return client;
    },
  };
}

/** Processes that the main thread of `pid` started, or that it took over; ended ones that nobody reaped included. */
export async function childrenOf(pid: number, thread = pid): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${thread}/children`, 'utf8').catch(() => '');
  return text.trim() === '' ? [] : text.trim().split(' ').map(Number);
}

/** The node processes among them: the compiler of a cold cache has one of its own. */
export async function workersOf(pid: number): Promise<number[]> {
  const children = await childrenOf(pid);
  const commands = await Promise.all(children.map(commandOf));
  return children.filter((_, i) => commands[i]?.includes('origin/main.ts'));
}

/** The command line of a process; empty when it has ended, reaped or not. */
export async function commandOf(pid: number): Promise<string> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ');
}

/** Keys of a JSON Web Key Set. */
export function keysIn(text: string): JWK[] {
  return (JSON.parse(text) as { keys: JWK[] }).keys;
}

async function ticketOf(signingKeys: string): Promise<string> {
  const signer = await createSigner(ISSUER, keysIn(signingKeys));
  return signer.sign('ticket', { ...createPerson(), jti: randomId(), mailbox: randomId() }, Date.now());
}
