/** What a run is told from outside: `-e NAME=value`. Every scenario says which of these it reads. */

/** Where clients reach the service; without a slash at the end. */
export const EDGE_URL = (__ENV.EDGE_URL ?? 'http://127.0.0.1:8787').replace(/\/+$/, '');

/** A whole number from the environment; throws in plain words, before anything runs. */
export function whole(name: string, fallback: number, [least, most]: readonly [number, number]): number {
  const text = __ENV[name];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Error(`${name} takes a whole number from ${least} to ${most}, not "${text}"`);
}

/** Seconds of the part that counts; every scenario has its own default. */
export const seconds = (fallback: number) => whole('SECONDS', fallback, [1, 86_400]);
/** Sockets held open at the same time. */
export const sockets = (fallback: number) => whole('SOCKETS', fallback, [2, 100_000]);
/** Messages a second, all publishers together. */
export const rate = (fallback: number) => whole('RATE', fallback, [1, 100_000]);
