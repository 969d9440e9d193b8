import { Redis } from 'ioredis';

type Argument = string | number;

/** A server that does not answer by then is taken for dead; loopback answers in well under a millisecond. */
const ANSWER_MS = 2_000;
const STEP_MS = 20;

/** Runs one command on a connection of its own. Rejects when the server refuses it or does not answer within 2 s. */
export async function askRedis(url: string, command: string, ...args: readonly Argument[]): Promise<unknown> {
  const redis = new Redis(url, {
    protocol: 2,
    lazyConnect: true,
    retryStrategy: null,
    connectTimeout: ANSWER_MS,
    commandTimeout: ANSWER_MS,
  });
  // Told by the rejection below.
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return await redis.call(command, ...args);
  } finally {
    redis.disconnect();
  }
}

/** Asks again and again until `isTrue`; throws an Error that names `what` when that takes longer than `timeoutMs`. */
export async function untilTrue(
  isTrue: () => Promise<boolean>,
  { what, timeoutMs }: { readonly what: string; readonly timeoutMs: number },
): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!(await isTrue())) {
    if (performance.now() > endMs) throw new Error(`Cannot wait longer than ${timeoutMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
}
