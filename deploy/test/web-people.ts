import * as assert from 'uvu/assert';
import { until } from '../../shared/testing/expect.ts';
import type { Suite } from '../../shared/testing/suite.ts';
import { join, makeChannel, type Person, say, sees, signUp } from './web-person.ts';
import { arrive, changeStored, requireAccessible, type World } from './web-world.ts';

/** Two people: notifications, safety numbers, and ways to leave. */
export function peopleScenario({ test }: Pick<Suite, 'test'>, world: World): void {
  let ann: Person;
  let ben: Person;

  test('asks before it notifies; names nobody unless told to, and never says what was said', async () => {
    [ann, ben] = await Promise.all([arrive(world, 'node-1'), arrive(world, 'node-2')]);
    await watchNotifications(ann);
    await Promise.all([signUp(ann, 'Ann'), signUp(ben, 'Ben')]);
    const link = await makeChannel(ann, 'Office');
    await join(ben, { link, title: 'Office' });
    const { page } = ann;
    await page.getByText('2 people').waitFor();
    await page.getByRole('button', { name: 'Settings' }).click();
    const wanted = page.getByRole('checkbox', { name: 'Notify me' });
    await wanted.click();
    await page.getByText('does not allow notifications').waitFor();
    assert.not(await wanted.isChecked());
    await page.context().grantPermissions(['notifications']);
    await wanted.check();
    await page.keyboard.press('Escape');

    await say(ben, 'while you look');
    await sees(ann, 'while you look');
    await hide(ann, true);
    await say(ben, 'the secret plan');
    assert.equal(await notified(ann, 1), [{ title: 'New message', body: '' }]);

    await hide(ann, false);
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByRole('checkbox', { name: 'Notifications name' }).check();
    await page.keyboard.press('Escape');
    await hide(ann, true);
    await say(ben, 'another secret plan');
    assert.equal((await notified(ann, 2))[1], { title: 'New message from Ben', body: 'Office' });
    await hide(ann, false);
  });

  test('two people see the same safety number; another one than was compared is told', async () => {
    const [inAnn, inBen] = await Promise.all([openSafety(ann), openSafety(ben)]);
    assert.match(inAnn, /^(\d{5} ?){12}$/);
    assert.is(inAnn, inBen);
    await requireAccessible(ann, 'safety number');
    await ann.page.getByRole('button', { name: 'They are the same' }).click();
    await ann.page.getByText('· verified').waitFor();
    await ben.page.keyboard.press('Escape');
    await changeStored(
      ann,
      'own',
      `(value, key) => key === 'profile'
        ? { ...value, verified: Object.fromEntries(Object.keys(value.verified).map((id) => [id, '0'])) }
        : undefined`,
    );
    await reopen(ann);
    await openSafety(ann);
    await ann.page.getByText('This number has changed since you compared it.').waitFor();
    await ann.page.keyboard.press('Escape');
  });

  test('keys that do not follow from those seen before are refused, and that is told', async () => {
    const { page } = ann;
    await ben.page.getByRole('button', { name: 'Settings' }).click();
    const benId = await ben.page.locator('.id code').textContent();
    await ben.page.keyboard.press('Escape');
    // A service that lies, or somebody in its place.
    await page.route('**/v1/keys/history', async (route) => {
      const { userId } = route.request().postDataJSON() as { userId: string };
      if (userId !== benId) return route.continue();
      await route.fulfill({ json: { entries: ['forged'] } });
    });
    await page.getByRole('button', { name: 'People' }).click();
    await page.getByRole('button', { name: 'Safety number' }).click();
    await page.getByText('do not follow from those seen before').waitFor();
    await page.keyboard.press('Escape');
    await page.unroute('**/v1/keys/history');
  });

  test('a member leaves, and the others see it', async () => {
    const { page } = ben;
    await page.getByRole('button', { name: 'People' }).click();
    await page.getByRole('button', { name: 'Leave channel' }).click();
    await page.getByText('No channels yet').waitFor();
    await ann.page.getByText('Ben left').waitFor();
    await ann.page.getByText('1 person').waitFor();
  });

  test('an account is deleted, with everything on its device', async () => {
    const { page } = ben;
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByRole('button', { name: 'Delete account' }).click();
    await page.getByRole('button', { name: 'Create account' }).waitFor();
    const kept = await page.evaluate(`new Promise((resolve, reject) => {
      const opening = indexedDB.open('hushwire');
      opening.onerror = reject;
      opening.onsuccess = async () => {
        const stores = [...opening.result.objectStoreNames];
        const transaction = opening.result.transaction(stores);
        const counts = stores.map((name) => new Promise((counted) => {
          transaction.objectStore(name).count().onsuccess = ({ target }) => counted(target.result);
        }));
        resolve((await Promise.all(counts)).reduce((sum, count) => sum + count, 0));
      };
    })`);
    assert.is(kept, 0);
    assert.equal([ann.faults, ben.faults], [[], []]);
    await Promise.all([ann, ben].map((person) => person.page.context().close()));
  });
}

/** Keeps what the browser was asked to show, which shows it all the same. */
async function watchNotifications({ page }: Person): Promise<void> {
  const watching = `globalThis.notified = [];
    globalThis.Notification = class extends Notification {
      constructor(title, options) {
        super(title, options);
        notified.push({ title: this.title, body: this.body });
      }
    };`;
  await page.addInitScript(watching);
  await page.evaluate(watching);
}

/** What the browser was asked to show, once that is so many. */
async function notified({ page }: Person, count: number): Promise<unknown[]> {
  await until(() => page.evaluate(`notified.length >= ${count}`), { what: 'a notification' });
  return (await page.evaluate('notified')) as unknown[];
}

/** No page is ever hidden for a browser without a screen: this one is told so. */
async function hide({ page }: Person, isHidden: boolean): Promise<void> {
  await page.evaluate(`Object.defineProperty(document, 'visibilityState', {
    configurable: true, value: ${isHidden ? "'hidden'" : "'visible'"} });
    document.dispatchEvent(new Event('visibilitychange'));`);
}

/** Opens the only other member's safety number, and reads it. */
async function openSafety({ page }: Person): Promise<string> {
  await page.getByRole('button', { name: 'People' }).click();
  await page.getByRole('button', { name: 'Safety number' }).click();
  await page.locator('.digits span').nth(11).waitFor();
  return ((await page.locator('.digits').textContent()) ?? '').trim();
}

async function reopen({ page }: Person): Promise<void> {
  await page.reload();
  await page.locator('[data-state=online]').waitFor();
  await page.getByRole('button', { name: /Office/ }).click();
}
