import { createServer } from 'node:net';

/** Ports handed out and not to be offered twice: the system may offer one again before its first user has bound it. */
const handedOut = new Set<number>();
const TRIES_MAX = 5;

/**
 * Ports to choose from: below those that systems give to outgoing connections (Linux from 32768 on), one of which might
 * take a port between now and the start of the server it is for.
 */
const FIRST = 15_000;
const LAST = 32_000;

/** A port of 127.0.0.1 that nobody listens on, and that this process was not given before. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (handedOut.has(port) || !(await isFree(port))) continue;
    handedOut.add(port);
    return port;
  }
}

/** For several ports that are wanted at once: gives each preferred one that is free, and never one of them twice. */
export function createPortPicker(): (preferred?: number) => Promise<number> {
  const picked = new Set<number>();
  return async (preferred) => {
    const isWanted = preferred !== undefined && !picked.has(preferred);
    if (isWanted) picked.add(preferred);
    return isWanted && (await isFree(preferred)) ? preferred : freePort();
  };
}

/** True when `port` of 127.0.0.1 can be listened on now. */
export async function isFree(port: number): Promise<boolean> {
  return (await listenOnce(port)) !== undefined;
}

/**
 * Runs `start` on the given port, or else on a free one, and again on another one when somebody took it meanwhile.
 * Whatever `start` throws for another reason goes up.
 */
export async function onFreePort<T>(
  port: number | undefined,
  start: (port: number) => Promise<T>,
): Promise<T> {
  if (port !== undefined) return start(port);
  for (let tries = 1; ; tries += 1) {
    const candidate = await freePort();
    try {
      return await start(candidate);
    } catch (error) {
      if (tries === TRIES_MAX || (await isFree(candidate))) throw error;
    }
  }
}

/** Listens and closes at once; the port it had, or undefined when it is busy or not ours to use. */
function listenOnce(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ host: '127.0.0.1', port }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : undefined));
    });
  });
}
