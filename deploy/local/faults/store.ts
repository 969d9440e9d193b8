import { readdir, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunningServer } from '../servers/process.ts';
import { startRedis } from '../servers/redis.ts';
import type { History } from './history.ts';

/** The relay: a Redis that keeps an append-only file, flushed every second. */
export interface Store {
  readonly url: string;
  readonly port: number;
  /**
   * SIGKILL, and a new life on the same port. The system wrote down everything Redis handed to it, as it does when only
   * the process dies; `cutBytes` of the newest are taken away as well, as a power cut does.
   */
  restart(options: { readonly awayMs: number; readonly cutBytes: number }): Promise<void>;
  stop(): Promise<void>;
}

export async function startStore(dir: string, history: History): Promise<Store> {
  let server = await startRedis({ dir });
  const { url, port } = server;
  const { password } = new URL(url);
  return {
    url,
    port,
    restart: async ({ awayMs, cutBytes }) => {
      history.add({ kind: 'store-lost' });
      await kill(server);
      if (cutBytes > 0) await cutTail(join(dir, 'appendonlydir'), cutBytes);
      await new Promise((resolve) => setTimeout(resolve, awayMs));
      server = await startRedis({ dir, port, password });
      history.add({ kind: 'store-returned' });
    },
    stop: () => server.stop(),
  };
}

async function kill({ pid, ended }: RunningServer): Promise<void> {
  process.kill(pid, 'SIGKILL');
  await ended;
}

/** Redis loads a file whose last command is cut short, without that command (`aof-load-truncated`, on by default). */
async function cutTail(dir: string, bytes: number): Promise<void> {
  const files = (await readdir(dir)).filter((name) => name.endsWith('.incr.aof'));
  for (const name of files) {
    const file = join(dir, name);
    const { size } = await stat(file);
    await truncate(file, Math.max(0, size - bytes));
  }
}
