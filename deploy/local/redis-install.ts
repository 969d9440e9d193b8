import { findApt, runs } from './apt.ts';
import { findRedis } from './servers/redis.ts';

/** What somebody without apt-get, or without the right to use it, is told. */
const BY_HAND =
  'install Redis 7 or newer with your package manager (brew install redis, apt-get install redis-server), or set ' +
  'HUSHWIRE_REDIS_SERVER to a server program, or REDIS_URL to a server that runs.';

/**
 * Makes sure that there is a Redis to start, installing one where the system's package manager may. Undefined when all
 * is well, or one plain sentence. `isGiven`: a running server was named, so none is needed.
 */
export async function ensureRedis({ isGiven }: { isGiven: boolean }): Promise<string | undefined> {
  if (isGiven) return undefined;
  const fault = await missing();
  if (fault === undefined) return undefined;
  // A server that is too old, or one that was named and does not run, is not ours to replace.
  const isAbsent = !process.env.HUSHWIRE_REDIS_SERVER && !runs('redis-server', ['--version']);
  const apt = isAbsent ? findApt() : undefined;
  if (apt === undefined) return `${fault}; ${BY_HAND}`;
  console.log('Installing Redis with apt-get (the program only, no service)');
  if (!apt.install('redis-server'))
    return `apt-get could not install Redis, for the reason it gave above; ${BY_HAND}`;
  const still = await missing();
  return still === undefined ? undefined : `${still}, also after apt-get installed one; ${BY_HAND}`;
}

async function missing(): Promise<string | undefined> {
  try {
    await findRedis();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
