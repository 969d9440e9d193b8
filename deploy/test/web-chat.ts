import * as assert from 'uvu/assert';
import { until } from '../../shared/testing/expect.ts';
import type { Suite } from '../../shared/testing/suite.ts';
import { join, makeChannel, type Person, PHONE, say, sees, signUp } from './web-person.ts';
import { arrive, requireAccessible, type World } from './web-world.ts';

/** Whether the messages overflow, and stand at their end. */
const IS_AT_END = `(({ scrollHeight, scrollTop, clientHeight }) =>
  scrollHeight > clientHeight && scrollHeight - scrollTop - clientHeight < 2)(document.querySelector('.messages'))`;

/** Two people on two nodes, over lost networks, lost nodes and a ban. */
export function chatScenario({ test }: Pick<Suite, 'test'>, world: World): void {
  let ann: Person;
  let ben: Person;

  test('is served with a policy that lets nothing else in', async () => {
    const { headers } = await fetch(world.stack.edgeUrl);
    const policy = headers.get('content-security-policy') ?? '';
    for (const rule of ["default-src 'none'", "script-src 'self'", "connect-src 'self' ws:"])
      assert.ok(policy.includes(rule), `${rule} in ${policy}`);
    const [, listed = ''] = /connect-src 'self' ([^;]*)/.exec(policy) ?? [];
    assert.equal(listed.split(' ').sort(), world.stack.nodes.map(({ url }) => url).sort());
    assert.not(policy.includes('unsafe'));
    assert.is((await fetch(`${world.stack.edgeUrl}/app/page.html`)).status, 404);
    assert.is((await fetch(`${world.stack.edgeUrl}/app/nope.js`)).status, 404);
  });

  test('two people on two nodes sign up, meet by a link and chat; one sees the other type and read', async () => {
    ann = await arrive(world, 'node-1');
    ben = await arrive(world, 'node-2', { isPhone: true, colorScheme: 'dark' });
    await requireAccessible(ann, 'welcome');
    await Promise.all([signUp(ann, 'Ann'), signUp(ben, 'Ben')]);
    await ann.page.getByText('Connected to node-1').waitFor();
    await ben.page.getByText('Connected to node-2').waitFor();
    const link = await makeChannel(ann, 'Weekend');
    await join(ben, { link, title: 'Weekend' });
    await say(ann, 'Shall we go to the lake on Saturday?');
    await sees(ben, 'Shall we go to the lake on Saturday?');
    await say(ben, 'Yes, I can bring the boat.');
    await sees(ann, 'Yes, I can bring the boat.');
    await ann.page.locator('.progress[data-state=read]').waitFor();
    await ben.page.getByRole('textbox', { name: 'Message' }).pressSequentially('ok');
    await ann.page.getByText('Ben is typing').waitFor();
    await ann.page.getByText('2 here now').waitFor();
    await requireAccessible(ann, 'chat');
    await requireAccessible(ben, 'chat of a member');
  });

  test('a reload keeps the keys and what was said', async () => {
    await ann.page.reload();
    await ann.page.locator('[data-state=online]').waitFor();
    await ann.page.getByRole('button', { name: /Weekend/ }).click();
    await sees(ann, 'Yes, I can bring the boat.');
    await say(ann, 'back again');
    await sees(ben, 'back again');
  });

  test('what is written without a network is sent when it is back, and what came meanwhile arrives', async () => {
    await ben.page.context().setOffline(true);
    await ben.page.locator('[data-state=offline]').waitFor({ state: 'attached', timeout: 30_000 });
    await say(ben, 'from the tunnel');
    await say(ann, 'while you were away');
    await ben.page.locator('.progress[data-state=queued]').waitFor();
    await ben.page.getByText('2 people · No network').waitFor();
    await ben.page.context().setOffline(false);
    await sees(ann, 'from the tunnel');
    await sees(ben, 'while you were away');
    await ben.page.getByText('2 here now').waitFor();
  });

  test('what was said last stays in sight when a phone opens its keyboard', async () => {
    const { page } = ben;
    const { width, height } = page.viewportSize() ?? PHONE;
    await page.setViewportSize({ width, height: height / 2 });
    await until(() => page.evaluate(IS_AT_END), { what: 'the end of the messages' });
    await page.setViewportSize({ width, height });
  });

  test('a node is killed, and the conversation goes on by itself', async () => {
    await world.stack.nodes.find(({ node }) => node === 'node-2')?.kill();
    await say(ann, 'are you still there?');
    await sees(ben, 'are you still there?');
    await say(ben, 'yes, on the other node');
    await sees(ann, 'yes, on the other node');
    await ben.page.getByText(/Connected to node-1.*moved from node-2/).waitFor({ state: 'attached' });
  });

  test('a ban throws out within two seconds, and is lifted', async () => {
    await ann.page.getByRole('button', { name: 'People' }).click();
    await requireAccessible(ann, 'people');
    const banned = ann.page.getByRole('button', { name: 'Ban', exact: true });
    await banned.click();
    const beganMs = performance.now();
    await ben.page.getByText('You are no longer in this channel').waitFor();
    const tookMs = performance.now() - beganMs;
    assert.ok(tookMs < 2_000, `${tookMs} ms`);
    const bans = ann.page.getByRole('region', { name: 'Banned' });
    await bans.getByText('Ben').waitFor();
    await ann.page.getByText('1 person · 1 here now').waitFor({ timeout: 2_000 });
    await bans.getByRole('button', { name: 'Lift ban' }).click();
    await bans.getByText('Nobody is banned.').waitFor();
    await ann.page.keyboard.press('Escape');
  });

  test('nothing went wrong in either page', () => {
    assert.equal([ann.faults, ben.faults], [[], []]);
  });
}
