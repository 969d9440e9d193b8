import { execFileSync } from 'node:child_process';
import decodeQr from 'qr/decode.js';
import * as assert from 'uvu/assert';
import { until } from '../../shared/testing/expect.ts';
import type { Suite } from '../../shared/testing/suite.ts';
import { type Person, signUp } from './web-person.ts';
import { arrive, requireAccessible, type World } from './web-world.ts';

/** Time step of a code (RFC 6238). */
const stepOf = (nowMs: number) => Math.floor(nowMs / 30_000);

/**
 * One person's account: second factor, devices, tabs, an invitation to show. Between one code and the next half a minute
 * passes, in which the tests of `meanwhile` run.
 */
export function accountScenario({ test }: Pick<Suite, 'test'>, world: World, meanwhile: () => void): void {
  let ann: Person;
  let secret = '';
  let recovery = '';
  let setUpStep = 0;
  const code = () => {
    const options = ['--totp', '-b', secret];
    return execFileSync('oathtool', options, { encoding: 'utf8' }).trim();
  };

  test('sets up a second factor by QR, and shows the recovery codes once', async () => {
    ann = await arrive(world, 'node-1');
    await signUp(ann, 'Ann');
    const { page } = ann;
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByRole('button', { name: 'Set up' }).click();
    await page.locator('.secret').waitFor();
    await requireAccessible(ann, 'second factor set up');
    secret = (await page.locator('.secret').textContent()) ?? '';
    setUpStep = stepOf(Date.now());
    await page.getByRole('textbox', { name: 'Code' }).fill(code());
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.getByText('I have stored them').waitFor();
    assert.is(await page.locator('.recovery li').count(), 10);
    await requireAccessible(ann, 'recovery codes');
    recovery = (await page.locator('.recovery li').first().textContent()) ?? '';
    await page.getByText('I have stored them').click();
    assert.is(await page.locator('.recovery li').count(), 0);
    await page.keyboard.press('Escape');
  });

  meanwhile();

  test('signs in with a code of the app, or with a recovery code', async () => {
    const { page } = ann;
    // Each code is taken once, and what was done meanwhile took no half minute for sure.
    await until(() => stepOf(Date.now()) > setUpStep, { what: 'the next code', timeoutMs: 31_000 });
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByRole('button', { name: 'Sign out', exact: true }).click();
    await page.getByRole('heading', { name: 'Signed out' }).waitFor();
    await requireAccessible(ann, 'signed out');
    await page.getByRole('button', { name: 'Sign in' }).click();
    const dialog = page.getByRole('dialog', { name: 'Second factor' });
    await dialog.getByLabel('Code').fill('nonsense');
    await dialog.getByRole('button', { name: 'Confirm' }).click();
    await dialog.getByText('This code is wrong').waitFor();
    await requireAccessible(ann, 'dialog second factor');
    await dialog.getByLabel('Code').fill(code());
    await dialog.getByRole('button', { name: 'Confirm' }).click();
    await page.locator('[data-state=online]').waitFor();

    // The session goes on over a reload; a code is asked for at the next sign-in, and a recovery code serves as well.
    await page.reload();
    await page.locator('[data-state=online]').waitFor();
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByRole('button', { name: 'Sign out', exact: true }).click();
    await page.getByRole('button', { name: 'Sign in' }).click();
    await dialog.getByLabel('Code').fill(recovery);
    await dialog.getByRole('button', { name: 'Confirm' }).click();
    await page.locator('[data-state=online]').waitFor();
  });

  test('switches the second factor off, and signs in without one', async () => {
    const { page } = ann;
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByRole('button', { name: 'Remove second factor' }).click();
    await page.getByRole('button', { name: 'Set up' }).waitFor();
    await page.getByRole('button', { name: 'Sign out', exact: true }).click();
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.locator('[data-state=online]').waitFor();
    assert.is(await page.getByRole('dialog', { name: 'Second factor' }).count(), 0);
  });

  test('lists its device, and speaks Russian', async () => {
    const { page } = ann;
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByText('this device · 1 session').waitFor();
    await page.getByLabel('Language').selectOption('ru');
    await page.getByRole('heading', { name: 'Настройки' }).waitFor();
    // Set once the page has been drawn.
    await page.locator('html[lang=ru]').waitFor({ state: 'attached' });
    await page.keyboard.press('Escape');
  });

  test('is open in one tab at a time, and another one may take over', async () => {
    const { page } = ann;
    const second = await page.context().newPage();
    await second.goto(world.stack.edgeUrl);
    await second.getByRole('button', { name: 'Use it here' }).click();
    await second.locator('[data-state=online]').waitFor();
    await page.getByRole('heading', { name: 'Открыто в другой вкладке' }).waitFor();
    await requireAccessible(ann, 'in another tab');
    await second.close();
  });

  test('shows an invitation as a QR code that a phone reads', async () => {
    const ben = await arrive(world, 'node-2');
    await signUp(ben, 'Ben');
    const { page } = ben;
    await page.getByRole('button', { name: 'New channel' }).click();
    await page.getByLabel('Name of the channel').fill('Weekend');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Invite' }).click();
    const link = await page.getByRole('textbox', { name: 'Invitation link' }).inputValue();
    const pixels = (await page.evaluate(`(() => {
      const [box, path] = [document.querySelector('.qr').viewBox.baseVal, document.querySelector('.qr path')];
      const canvas = new OffscreenCanvas(box.width * 8, box.height * 8).getContext('2d');
      canvas.fillStyle = '#fff';
      canvas.fillRect(0, 0, box.width * 8, box.height * 8);
      canvas.scale(8, 8);
      canvas.fillStyle = '#000';
      canvas.fill(new Path2D(path.getAttribute('d')));
      const { width, height, data } = canvas.getImageData(0, 0, box.width * 8, box.height * 8);
      return { width, height, data: [...data] };
    })()`)) as { width: number; height: number; data: number[] };
    assert.is(decodeQr({ ...pixels, data: Uint8Array.from(pixels.data) }), link);
    assert.equal([ann.faults, ben.faults], [[], []]);
  });
}
