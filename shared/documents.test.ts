import { existsSync, readdirSync, readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { describe } from './testing/suite.ts';

const root = new URL('../', import.meta.url);
const DOCUMENTS = ['.', 'shared', 'deploy', 'edge', 'origin', 'loadtest'].flatMap((part) =>
  readdirSync(new URL(`${part}/`, root), { recursive: part !== '.', encoding: 'utf8' })
    .filter((path) => path.endsWith('.md') && !path.includes('node_modules'))
    .map((path) => (part === '.' ? path : `${part}/${path}`)),
);

describe('documents', ({ test }) => {
  for (const document of DOCUMENTS)
    test(`${document} points at nothing that is not there`, () => {
      const here = new URL(document, root);
      for (const target of linksOf(readFileSync(here, 'utf8'))) {
        const [path = '', anchor] = target.split('#');
        const there = path === '' ? here : new URL(path, here);
        assert.ok(existsSync(there), target);
        if (anchor !== undefined) assert.ok(anchorsOf(readFileSync(there, 'utf8')).has(anchor), target);
      }
    });

  test('the README names only scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as {
      scripts: object;
    };
    const named = readFileSync(new URL('README.md', root), 'utf8').matchAll(
      /npm (?:run (\w+)|(start|test))\b/g,
    );
    for (const [words, run, short] of named) assert.ok(Object.hasOwn(scripts, run ?? short ?? ''), words);
  });
});

/** Targets of links to files of this tree. */
function linksOf(text: string): string[] {
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return targets.filter((target) => !/^[a-z]+:/.test(target));
}

/** As GitHub makes anchors of headings. */
function anchorsOf(text: string): Set<string> {
  const titles = [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) => title);
  const anchorOf = (title: string) =>
    title
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-');
  return new Set(titles.map(anchorOf));
}
