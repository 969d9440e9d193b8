import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const LEFT_OUT = new Set(['node_modules', '.git', '.hushwire']);

/** Every file at or below `path` whose path passes `wants`, sorted; a directory that is not there holds none. */
export function listFiles(path: string, wants: (path: string) => boolean): string[] {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return wants(path) ? [path] : [];
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => !LEFT_OUT.has(entry.name) && !entry.isSymbolicLink())
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => listFiles(join(path, entry.name), wants));
}

/** `*.test.ts`: the files that hold tests. */
export function isTestFile(path: string): boolean {
  return path.endsWith('.test.ts');
}
