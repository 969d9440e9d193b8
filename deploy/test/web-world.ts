import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import type { Stack } from '../local/stack.ts';
import { DESKTOP, type Look, type Person, PHONE, visit } from './web-person.ts';

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

const LOOKS = {
  'desktop-light': { size: DESKTOP, colorScheme: 'light' },
  'phone-dark': { size: PHONE, colorScheme: 'dark' },
} as const;

/** What WCAG 2.2 AA asks for and a program can tell, in light on a desktop and in dark on a phone. */
export async function requireAccessible({ page }: Person, where: string): Promise<void> {
  const before = page.viewportSize() ?? DESKTOP;
  const dialogs = await page.getByRole('dialog').count();
  await page.emulateMedia({ reducedMotion: 'reduce' });
  for (const [look, { size, colorScheme }] of Object.entries(LOOKS)) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize(size);
    assert.equal(await violationsOf(page), [], `${where}, ${look}`);
    assert.is(await page.getByRole('dialog').count(), dialogs, `${where} is seen, ${look}`);
    // For eyes: where to leave pictures of it.
    const shots = process.env.HUSHWIRE_SCREENSHOTS;
    if (shots) await page.screenshot({ path: `${shots}/web-${where.replaceAll(' ', '-')}-${look}.png` });
  }
  await page.setViewportSize(before);
  await page.emulateMedia({ colorScheme: 'light' });
}

/** The page's own policy lets no script in that is not its own; the browser's debugger may. */
async function violationsOf(page: Page): Promise<string[]> {
  if (await page.evaluate('globalThis.axe === undefined')) await page.evaluate(AXE);
  const found = await page.evaluate(`axe.run(document).then(({ violations }) =>
    violations.map(({ id, nodes }) => id + ': ' + nodes[0].html))`);
  return found as string[];
}

/** Changes what a person's device has stored in one place, as `change` (an expression of a function) says. */
export async function changeStored({ page }: Person, store: string, change: string): Promise<void> {
  await page.evaluate(`new Promise((resolve, reject) => {
    const opening = indexedDB.open('hushwire');
    opening.onerror = reject;
    opening.onsuccess = () => {
      const database = opening.result;
      const transaction = database.transaction('${store}', 'readwrite');
      transaction.oncomplete = () => resolve(database.close());
      transaction.objectStore('${store}').openCursor().onsuccess = ({ target: { result: cursor } }) => {
        if (cursor === null) return;
        const changed = (${change})(cursor.value, cursor.key);
        if (changed !== undefined) cursor.update(changed);
        cursor.continue();
      };
    };
  })`);
}
