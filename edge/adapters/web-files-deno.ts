import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import type { WebFiles } from '../ports.ts';

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

/** The files of a directory that are of a kind we serve, compressed once. Throws when it holds no `page.html`. */
export function readWebFiles(dir: string): WebFiles {
  const files = readdirSync(dir).flatMap((name) => {
    const type = TYPES[name.split('.').at(-1) ?? ''];
    if (type === undefined) return [];
    const body = Uint8Array.from(readFileSync(`${dir}/${name}`));
    return [[name, { type, body, gzip: Uint8Array.from(gzipSync(body)) }] as const];
  });
  const found = new Map(files);
  if (!found.has('page.html')) throw new Error('page.html is missing');
  return found;
}
