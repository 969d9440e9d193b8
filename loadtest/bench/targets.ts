/** The five servers that are compared, each on a Redis of its own, and how to start so many processes of each. */
import { once } from 'node:events';
import { startRedis } from '../../deploy/local/servers/redis.ts';
import { killChild, startChild } from './child.ts';
import { startHushwire } from './hushwire.ts';
import type { Running, StartOptions, TargetName } from './target.ts';
import type { BareOrder } from './targets/bare.ts';
import type { SocketIoOrder } from './targets/socket-io.ts';

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
