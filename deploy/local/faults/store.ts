import { readdir, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunningServer } from '../servers/process.ts';
import { startRedis } from '../servers/redis.ts';
import type { History } from './history.ts';
import type { ShardOf } from './lives.ts';
import type { StoreFault } from './schedule.ts';
import { pause } from './wire.ts';

/** The relay: one Redis, or a Cluster. */
export interface Store {
  /** As a node is told it: comma-separated for a Cluster. */
  readonly url: string;
  /** Where every channel and mailbox is by now, as the servers say. */
  shards(): Promise<ShardOf>;
  /** Resolves when the fault is over; one that comes while another is under way waits for that, and does nothing. */
  inflict(fault: StoreFault): Promise<void>;
  stop(): Promise<void>;
}

/**
 * A Redis that keeps an append-only file, flushed every second. A restart is a SIGKILL, and a new life on the same port.
 * The system wrote down everything Redis handed to it, as it does when only the process dies; `cutBytes` of the newest
 * are taken away as well, as a power cut does.
 */
export async function startStore(dir: string, history: History): Promise<Store> {
  let server = await startRedis({ dir });
  const { url, port } = server;
  const { password } = new URL(url);
  const restart = async ({ forMs, cutBytes }: Extract<StoreFault, { kind: 'restart' }>) => {
    history.add({ kind: 'store-lost' });
    await kill(server);
    if (cutBytes > 0) await cutTail(join(dir, 'appendonlydir'), cutBytes);
    await pause(forMs);
    server = await startRedis({ dir, port, password });
    history.add({ kind: 'store-returned' });
  };
  return {
    url,
    shards: async () => () => 0,
    inflict: oneAtATime(async (fault) => {
      if (fault.kind !== 'restart') throw new TypeError('One Redis has nobody to fail over to');
      await restart(fault);
    }),
    stop: () => server.stop(),
  };
}

/** While a fault is under way, every other one is that one. */
export function oneAtATime(inflict: Store['inflict']): Store['inflict'] {
  let under: Promise<void> | undefined;
  return (fault) => {
    under ??= inflict(fault).finally(() => {
      under = undefined;
    });
    return under;
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
