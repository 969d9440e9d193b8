import * as assert from 'uvu/assert';
import type { Suite } from '../../shared/testing/suite.ts';
import { type Person, sees } from './web-person.ts';
import { arrive, requireAccessible, type World } from './web-world.ts';

/** How many stops there may be on the way to anything. */
const STOPS_MAX = 30;

/** Somebody with a keyboard alone, and every dialog that one person can open. */
export function keyboardScenario({ test }: Pick<Suite, 'test'>, world: World): void {
  let ann: Person;

  test('an account, a channel and a message take no mouse, and the focus is always seen', async () => {
    ann = await arrive(world, 'node-1');
    const { page } = ann;
    const { keyboard } = page;
    await goTo(ann, 'Your name');
    await keyboard.type('Ann');
    await keyboard.press('Enter');
    await page.locator('[data-state=online]').waitFor();
    await goTo(ann, 'New channel');
    await keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await keyboard.type('Desk');
    await keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Desk' }).waitFor();
    await goTo(ann, 'Message');
    await keyboard.type('all by keys');
    await keyboard.press('Enter');
    await sees(ann, 'all by keys');
    await goTo(ann, 'People', 'Shift+Tab');
    await keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'People' }).waitFor();
    await keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    assert.is((await focused(ann)).name, 'People');
    await goTo(ann, 'To the conversation', 'Shift+Tab');
    await keyboard.press('Enter');
    assert.is(await page.evaluate('document.activeElement.localName'), 'main');
  });

  test('every dialog is accessible', async () => {
    const { page } = ann;
    for (const name of ['New channel', 'Join by link', 'Settings', 'Invite', 'People']) {
      await page.getByRole('button', { name, exact: true }).click();
      await requireAccessible(ann, `dialog ${name.toLowerCase()}`);
      await page.keyboard.press('Escape');
    }
    await page.getByRole('button', { name: 'Invite' }).click();
    const link = await page.getByRole('textbox', { name: 'Invitation link' }).inputValue();
    await page.keyboard.press('Escape');
    await page.evaluate(`location.hash = new URL('${link}').hash`);
    await page.getByRole('dialog', { name: 'Join a channel?' }).waitFor();
    await requireAccessible(ann, 'dialog join');
    assert.is(new URL(page.url()).hash, '');
    assert.equal(ann.faults, []);
    await page.context().close();
  });
}

/** Presses a key until something of this name has the focus. */
async function goTo(person: Person, wanted: string, key = 'Tab'): Promise<void> {
  for (let stops = 0; stops < STOPS_MAX; stops += 1) {
    const { name, isSeen } = await focused(person);
    if (name === wanted) return assert.ok(isSeen, `the focus on ${wanted} is seen`);
    await person.page.keyboard.press(key);
  }
  assert.unreachable(`No way to ${wanted}`);
}

async function focused({ page }: Person): Promise<{ name: string; isSeen: boolean }> {
  const found = await page.evaluate(`(() => {
    const element = document.activeElement;
    const label = element.getAttribute('aria-label') ?? element.labels?.[0]?.textContent ?? element.textContent;
    const { outlineStyle } = getComputedStyle(element);
    return { name: label.trim(), isSeen: element.matches(':focus-visible') && outlineStyle !== 'none' };
  })()`);
  return found as { name: string; isSeen: boolean };
}
