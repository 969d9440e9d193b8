import * as assert from 'uvu/assert';
import { until } from '../../shared/testing/expect.ts';
import type { Suite } from '../../shared/testing/suite.ts';
import { join, makeChannel, type Person, say, sees, signUp } from './web-person.ts';
import { arrive, requireAccessible, type World } from './web-world.ts';

/** One account on two devices. */
export function devicesScenario({ test }: Pick<Suite, 'test'>, world: World): void {
  let ann: Person;
  let tablet: Person;
  let ben: Person;

  test('a second device is let in by the first, and learns its channels', async () => {
    [ann, tablet, ben] = await Promise.all([
      arrive(world, 'node-1'),
      arrive(world, 'node-2', { isPhone: true }),
      arrive(world, 'node-2'),
    ]);
    await Promise.all([signUp(ann, 'Ann'), signUp(ben, 'Ben')]);
    const link = await makeChannel(ben, 'Harbour');
    await join(ann, { link, title: 'Harbour' });
    await ben.page.getByText('2 people').waitFor();
    await ann.page.getByRole('button', { name: 'Settings' }).click();
    const annId = (await ann.page.locator('.id code').textContent()) ?? '';
    await tablet.page.getByRole('button', { name: 'I have an account' }).click();
    // First another account, by mistake.
    await tablet.page.getByLabel('Your id').fill('x'.repeat(22));
    await tablet.page.getByRole('button', { name: 'Show code' }).click();
    const wrong = await tablet.page.getByLabel('Code of the new device').inputValue();
    await tablet.page.getByLabel('Your id').fill(annId);
    await tablet.page.getByRole('button', { name: 'Show code' }).click();
    const shown = tablet.page.getByLabel('Code of the new device');
    await until(async () => (await shown.inputValue()) !== wrong, { what: 'another code' });
    const code = await shown.inputValue();
    await requireAccessible(tablet, 'dialog new device');
    await ann.page.getByRole('button', { name: 'Add a device' }).click();
    await ann.page.getByLabel('Code of the new device').fill('nonsense');
    await ann.page.getByRole('button', { name: 'Add a device' }).click();
    await ann.page.getByText('not right, or too old').waitFor();
    await ann.page.getByLabel('Code of the new device').fill(code);
    await requireAccessible(ann, 'dialog add device');
    await ann.page.getByRole('button', { name: 'Add a device' }).click();
    await ann.page.getByRole('button', { name: 'Sign out and remove' }).waitFor();
    await ann.page.keyboard.press('Escape');
    await tablet.page.getByRole('button', { name: 'Sign in' }).click();
    await tablet.page.locator('[data-state=online]').waitFor();
    await tablet.page.getByRole('button', { name: /Harbour/ }).click();
    await tablet.page.getByText('2 people').waitFor();
  });

  test('both devices hear all, and what one of them says is own on the other', async () => {
    await say(ben, 'hello to both');
    await Promise.all([sees(ann, 'hello to both'), sees(tablet, 'hello to both')]);
    await say(tablet, 'from the tablet');
    await Promise.all([sees(ann, 'from the tablet'), sees(ben, 'from the tablet')]);
    await ann.page.locator('.row.own').getByText('from the tablet').waitFor();
    await ben.page.getByRole('log').getByText('Ann', { exact: true }).waitFor();
  });

  test('a channel made on one device is there on the other', async () => {
    await tablet.page.getByRole('button', { name: 'Back to channels' }).click();
    await makeChannel(tablet, 'Attic');
    await ann.page.getByRole('button', { name: /Attic/ }).click();
    await say(ann, 'found it');
    await sees(tablet, 'found it');
  });

  test('a device that is removed hears nothing more', async () => {
    await ann.page.getByRole('button', { name: /Harbour/ }).click();
    await ann.page.getByRole('button', { name: 'Settings' }).click();
    await ann.page.getByRole('button', { name: 'Sign out and remove' }).click();
    await ann.page.getByRole('button', { name: 'Sign out and remove' }).waitFor({ state: 'detached' });
    await ann.page.keyboard.press('Escape');
    await tablet.page.getByRole('heading', { name: 'Signed out' }).waitFor();
    await say(ben, 'for one device');
    await sees(ann, 'for one device');
    assert.equal(
      [ann, ben, tablet].flatMap(({ faults }) => faults),
      [],
    );
    await Promise.all([ann, ben, tablet].map(({ page }) => page.context().close()));
  });
}
