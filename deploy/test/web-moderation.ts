import * as assert from 'uvu/assert';
import type { Suite } from '../../shared/testing/suite.ts';
import { join, makeChannel, type Person, say, sees, signUp } from './web-person.ts';
import { arrive, changeStored, requireAccessible, type World } from './web-world.ts';

/** An owner, a moderator and a member who is reported. */
export function moderationScenario({ test }: Pick<Suite, 'test'>, world: World): void {
  let ann: Person;
  let ben: Person;
  let eve: Person;
  let dan: Person;

  test('the owner makes a member a moderator, who can then moderate and nobody else can', async () => {
    [ann, ben, eve] = await Promise.all([
      arrive(world, 'node-1'),
      arrive(world, 'node-2', { isPhone: true }),
      arrive(world, 'node-1', { colorScheme: 'dark' }),
    ]);
    await Promise.all([signUp(ann, 'Ann'), signUp(ben, 'Ben'), signUp(eve, 'Eve')]);
    const link = await makeChannel(ann, 'Garden');
    await join(ben, { link, title: 'Garden' });
    await join(eve, { link, title: 'Garden' });
    await ann.page.getByText('3 people').waitFor();
    await ann.page.getByRole('button', { name: 'People' }).click();
    const inList = ann.page.getByRole('dialog').getByRole('listitem');
    await inList.filter({ hasText: 'Ben' }).getByRole('button', { name: 'Make moderator' }).click();
    await inList
      .filter({ hasText: 'Ben' })
      .getByText(/^moderator/)
      .waitFor();
    await requireAccessible(ann, 'roles');
    await ann.page.keyboard.press('Escape');
    await ben.page.getByRole('button', { name: 'Reports' }).waitFor();
    assert.is(await eve.page.getByRole('button', { name: 'Reports' }).count(), 0);
    await ben.page.getByRole('button', { name: 'People' }).click();
    // Exactly one: the member may be banned by a moderator, the owner not.
    await ben.page.getByRole('dialog').getByRole('button', { name: 'Ban', exact: true }).waitFor();
    await ben.page.keyboard.press('Escape');
  });

  test('a member reports a message; the moderator sees it verified, a forged one not, and bans who sent it', async () => {
    await say(eve, 'You are all weeds.');
    await sees(ann, 'You are all weeds.');
    await sees(ben, 'You are all weeds.');
    dan = await arrive(world, 'node-2');
    await signUp(dan, 'Dan');
    await ann.page.getByRole('button', { name: 'Invite' }).click();
    const link = await ann.page.getByRole('textbox', { name: 'Invitation link' }).inputValue();
    await ann.page.keyboard.press('Escape');
    await join(dan, { link, title: 'Garden' });
    await say(eve, 'And you, Ann, are not.');
    await sees(dan, 'And you, Ann, are not.');
    await forge(dan, 'And you, Ann, are not.', 'Ann is a slug.');
    await report(dan, 'Ann is a slug.');
    await say(eve, 'And Dan is a slug.');
    await sees(dan, 'And Dan is a slug.');
    await report(dan, 'And Dan is a slug.');

    for (const { page } of [ann, ben]) await page.getByRole('button', { name: 'Reports: 1' }).waitFor();
    await ben.page.getByRole('button', { name: 'Reports: 1' }).click();
    const dialog = ben.page.getByRole('dialog');
    const found = dialog.getByRole('article', { name: 'Eve' });
    await found.getByText('And Dan is a slug.').waitFor();
    await found.getByText('verified').waitFor();
    assert.is(await dialog.getByText('Ann is a slug.').count(), 0);
    await dialog.getByText('One report did not verify').waitFor();
    await requireAccessible(ben, 'reports');
    await dialog.getByRole('button', { name: 'OK' }).click();
    await dialog.getByText('did not verify').waitFor({ state: 'detached' });
    await found.getByRole('button', { name: 'Ban', exact: true }).click();
    await eve.page.getByText('You are no longer in this channel').waitFor();
    await ben.page.getByText('Nothing was reported.').waitFor();
    await ben.page.keyboard.press('Escape');
  });

  test('a moderator lifts a ban, and removes a member', async () => {
    const { page } = ben;
    await page.getByRole('button', { name: 'People' }).click();
    const bans = page.getByRole('region', { name: 'Banned' });
    await bans.getByText('Eve').waitFor();
    await bans.getByRole('button', { name: 'Lift ban' }).click();
    await bans.getByText('Nobody is banned.').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
    await dan.page.getByText('You are no longer in this channel').waitFor();
    await page.keyboard.press('Escape');
    await ann.page.getByText('2 people').waitFor();
  });

  test('the owner takes the role away again', async () => {
    await ann.page.getByRole('button', { name: 'People' }).click();
    await ann.page.getByRole('button', { name: 'Take moderator role' }).click();
    await ben.page.getByRole('button', { name: 'Reports' }).waitFor({ state: 'detached' });
    assert.equal(
      [ann, ben, eve, dan].flatMap(({ faults }) => faults),
      [],
    );
    await Promise.all([ann, ben, eve, dan].map(({ page }) => page.context().close()));
  });
}

async function report({ page }: Person, text: string): Promise<void> {
  const row = page.getByRole('log').getByRole('listitem').filter({ hasText: text });
  await row.getByRole('button', { name: 'Report to the moderators' }).click();
  await row.getByText('Reported to the moderators').waitFor();
}

/** Somebody who lies: on their device a message now says something else. */
async function forge(person: Person, said: string, lie: string): Promise<void> {
  await changeStored(
    person,
    'messages',
    `(message) => {
      if (message.text !== '${said}') return undefined;
      const bytes = new TextEncoder().encode(
        new TextDecoder().decode(message.proof.bytes).replace(message.text, '${lie}'),
      );
      return { ...message, text: '${lie}', proof: { ...message.proof, bytes } };
    }`,
  );
  await person.page.reload();
  await person.page.getByRole('navigation').getByText('Garden').click();
  await sees(person, lie);
}
