/** `npm run docs`: writes the pages that are made from code. */
import { writeFileSync } from 'node:fs';
import { configurationPage } from './configuration.ts';

const PAGES: readonly (readonly [URL, () => string])[] = [
  [new URL('../configuration.md', import.meta.url), configurationPage],
];

/** Writes every generated page; a test fails while one differs from what this would write. */
export function main(args: readonly string[]): number {
  if (args.length > 0) {
    console.log(
      'Usage: npm run docs\nWrites the pages that are made from code, such as deploy/configuration.md.',
    );
    return args[0] === '--help' || args[0] === '-h' ? 0 : 2;
  }
  for (const [file, page] of PAGES) {
    writeFileSync(file, page());
    console.log(`written: ${file.pathname.replace(/^.*\/deploy\//, 'deploy/')}`);
  }
  return 0;
}
