/** The five servers that are compared, each on a Redis of its own, and how to start so many processes of each. */
import { once } from 'node:events';
import { createKeys } from '../../deploy/local/keys.ts';
import { startOrigin } from '../../deploy/local/servers/origin.ts';
import { startPostgres } from '../../deploy/local/servers/postgres.ts';
import { startRedis } from '../../deploy/local/servers/redis.ts';
import { killChild, startChild } from './child.ts';
import type { SpeechOptions } from './speech.ts';
import type { BareOrder } from './targets/bare.ts';
import type { SocketIoOrder } from './targets/socket-io.ts';

export const TARGET_NAMES = ['hushwire', 'sio-classic', 'sio-streams', 'sio-uws', 'bare'] as const;
export type TargetName = (typeof TARGET_NAMES)[number];

/** What each is, for people. */
export const TARGET_TITLES: Readonly<Record<TargetName, string>> = {
  hushwire: 'Hushwire',
  'sio-classic': 'Socket.IO, Redis adapter',
  'sio-streams': 'Socket.IO, Redis Streams adapter with recovery',
  'sio-uws': 'Socket.IO on uWebSockets.js, Redis adapter',
  bare: 'bare uWebSockets.js + Redis (the floor)',
};

/** Server processes of one kind that serve together. */
export interface Running {
  readonly name: TargetName;
  readonly speech: SpeechOptions;
  /** One URL and one process for each server. */
  readonly urls: readonly string[];
  readonly pids: readonly number[];
  readonly redisPid: number;
  /** SIGKILL of one server, as a crash would. */
  kill(index: number): Promise<void>;
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly processes: number;
  /** More variables for the server processes of Hushwire. */
  readonly env?: Readonly<Record<string, string>>;
}

const ISSUER = 'https://edge.bench';

/** Starts one target; its stores are fresh. */
export function startTarget(name: TargetName, options: StartOptions): Promise<Running> {
  switch (name) {
    case 'hushwire':
      return startHushwire(options);
    case 'sio-classic':
      return startScripts(name, options, { adapter: 'classic', engine: 'node' });
    case 'sio-streams':
      return startScripts(name, options, { adapter: 'streams', engine: 'node' });
    case 'sio-uws':
      return startScripts(name, options, { adapter: 'classic', engine: 'uws' });
    case 'bare':
      return startScripts(name, options, undefined);
  }
}

/** Postgres is there because an origin does not start without it; no message touches it. */
async function startHushwire({ processes, env = {} }: StartOptions): Promise<Running> {
  const [keys, redis, postgres] = await Promise.all([createKeys(), startRedis(), startPostgres()]);
  const start = (node: string) =>
    startOrigin({
      node,
      relayUrl: redis.url,
      databaseUrl: postgres.url,
      edgeIssuer: ISSUER,
      edgeKeys: keys.publicKeys,
      env,
    });
  // The first one alone: it prepares the database.
  const nodes = [await start('n1')];
  nodes.push(...(await Promise.all(Array.from({ length: processes - 1 }, (_, i) => start(`n${i + 2}`)))));
  return {
    name: 'hushwire',
    speech: { kind: 'hushwire', issuer: ISSUER, signingKeys: keys.signingKeys },
    urls: nodes.map(({ url }) => url),
    pids: nodes.map(({ pid }) => pid),
    redisPid: redis.pid,
    kill: async (index) => nodes[index]?.kill(),
    stop: async () => {
      await Promise.all(nodes.map((node) => node.stop()));
      await Promise.all([redis.stop(), postgres.stop()]);
    },
  };
}

async function startScripts(
  name: TargetName,
  { processes }: StartOptions,
  socketIo: Omit<SocketIoOrder, 'redisUrl'> | undefined,
): Promise<Running> {
  const redis = await startRedis();
  const order: SocketIoOrder | BareOrder = { redisUrl: redis.url, ...socketIo };
  const file = socketIo === undefined ? './targets/bare.ts' : './targets/socket-io.ts';
  const start = async () => {
    const child = startChild(file, { NODE_ENV: 'production' });
    child.send(order);
    const [{ port }] = (await once(child, 'message')) as [{ port: number }];
    return { child, url: `ws://127.0.0.1:${port}` };
  };
  const servers = await Promise.all(Array.from({ length: processes }, start));
  return {
    name,
    speech: { kind: socketIo === undefined ? 'bare' : 'socket.io' },
    urls: servers.map(({ url }) => url),
    pids: servers.map(({ child }) => child.pid ?? 0),
    redisPid: redis.pid,
    kill: async (index) => {
      const server = servers[index];
      if (server !== undefined) await killChild(server.child);
    },
    stop: async () => {
      await Promise.all(servers.map(({ child }) => killChild(child)));
      await redis.stop();
    },
  };
}
