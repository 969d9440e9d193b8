import { readFileSync } from 'node:fs';

/** The protocol vectors of `shared/vectors/<name>.json`; `T` is the shape that file is written in. */
export function readVectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8')) as T;
}
