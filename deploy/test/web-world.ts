import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser } from 'playwright-core';
import * as assert from 'uvu/assert';
import type { Stack } from '../local/stack.ts';
import { type Look, type Person, visit } from './web-person.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What the scenarios of the web messenger share; there once the suite has begun. */
export interface World {
  stack: Stack;
  browser: Browser;
}

/** Filled by the suite's `before`, ahead of every test. */
export function createWorld(): World {
  return {} as World;
}

/** Somebody new opens the page, which then prefers this node. */
export function arrive({ browser, stack }: World, node: string, look: Look = {}): Promise<Person> {
  return visit(browser, { edgeUrl: stack.edgeUrl, node }, look);
}

/** What WCAG 2.2 AA asks for and a program can tell. */
export async function requireAccessible({ page }: Person, where: string): Promise<void> {
  // The page's own policy lets no script in that is not its own; the browser's debugger may.
  const found = (await page.evaluate(`(() => { ${AXE}; return axe.run(document).then(({ violations }) =>
    violations.map(({ id, nodes }) => id + ': ' + nodes[0].html)); })()`)) as string[];
  assert.equal(found, [], where);
  // For eyes: where to leave pictures of it.
  const shots = process.env.HUSHWIRE_SCREENSHOTS;
  if (shots) await page.screenshot({ path: `${shots}/web-${where.replaceAll(' ', '-')}.png` });
}
