import { once } from 'node:events';
import type { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import { randomId } from '../../../shared/bytes.ts';
import { connectCommands } from '../upstash/commands.ts';
import { createRest } from '../upstash/rest.ts';
import type { Running } from './process.ts';

export interface UpstashOptions {
  /** The Redis behind it. */
  readonly redisUrl: string;
  readonly port?: number | undefined;
  /** What callers must send as their bearer token; absent: a random one. */
  readonly token?: string | undefined;
}

/**
 * The Upstash REST interface over a Redis, inside this process, on 127.0.0.1. Rejects when the Redis does not answer
 * or the port is busy.
 */
export async function startUpstash(options: UpstashOptions): Promise<Running & { readonly token: string }> {
  const { redisUrl, port = 0, token = randomId(24) } = options;
  const commands = await connectCommands(redisUrl);
  const { fetch } = createRest({ token, commands });
  const server = createAdaptorServer({ fetch }) as Server;
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  } catch (error) {
    commands.close();
    throw error;
  }
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  const stop = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
    commands.close();
  };
  return { url: `http://127.0.0.1:${bound}`, port: bound, pid: undefined, token, stop };
}
