import { Redis as Direct } from 'ioredis';
import type { RunningServer } from '../local/servers/process.ts';
import { startRedis } from '../local/servers/redis.ts';
import { startUpstash } from '../local/servers/upstash.ts';

/** The bearer token of every endpoint here. */
export const TOKEN = 'a-token-of-the-test';

export interface Servers {
  readonly redis: RunningServer;
  readonly rest: Awaited<ReturnType<typeof startUpstash>>;
  readonly direct: Direct;
}

type Hook = (body: () => unknown) => void;

/** One Redis and one endpoint for a whole suite. */
export function useServers(before: Hook, after: Hook): () => Servers {
  const state: Partial<Servers> = {};
  before(async () => {
    const redis = await startRedis();
    Object.assign(state, { redis, direct: new Direct(redis.url) });
    Object.assign(state, { rest: await startUpstash({ redisUrl: redis.url, token: TOKEN }) });
  });
  after(async () => {
    await state.rest?.stop();
    state.direct?.disconnect();
    await state.redis?.stop();
  });
  return () => {
    const { redis, rest, direct } = state;
    if (redis === undefined || rest === undefined || direct === undefined)
      throw new Error('The servers are not there');
    return { redis, rest, direct };
  };
}
