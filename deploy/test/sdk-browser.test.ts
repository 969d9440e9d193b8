import type { Browser } from 'playwright-core';
import * as assert from 'uvu/assert';
import type { Chat } from '../../shared/client/examples/chat.ts';
import { EXPECTED_LOADS } from '../../shared/client/test/outbox-contract.ts';
import { describe } from '../../shared/testing/suite.ts';
import { buildSdk } from '../local/sdk-build.ts';
import { type Stack, startStack } from '../local/stack.ts';
import { launchChromium, openPage } from './browser.ts';
import type { Talk } from './programs/sdk-talk.ts';

describe('the SDK in Chromium', ({ test, before, after, needs }) => {
  needs('chromium');
  let stack: Stack;
  let browser: Browser;
  before(async () => {
    [stack, browser] = await Promise.all([startStack(), launchChromium()]);
  });
  after(async () => {
    await browser?.close();
    await stack?.stop();
  });

  test('signs up, connects, publishes and receives across two nodes, directly and through the edge', async () => {
    const { script } = await buildSdk('deploy/test/programs/sdk-talk.ts');
    const page = await openPage(browser, stack.edgeUrl, script);
    const talk = (await page.evaluate("import('/sdk.js').then(({ talk }) => talk(location.origin))")) as Talk;
    assert.equal(talk.nodes, ['node-1', 'node-2']);
    assert.equal(talk.heard, ['b: to b', 'b: to a']);
  });

  test('encrypts by MLS, and attachments with it', async () => {
    const { script } = await buildSdk('shared/client/examples/chat.ts');
    const page = await openPage(browser, stack.edgeUrl, script);
    const run = "import('/sdk.js').then(({ chat }) => chat({ edge: location.origin, keyPackages: 3 }))";
    const { heard, file } = (await page.evaluate(run)) as Chat;
    assert.equal([heard, file], [['hello', 'you said hello'], 'a file']);
  });

  test('keeps a device and its unanswered messages in IndexedDB, and sends them once and in order after its page was killed', async () => {
    const { script } = await buildSdk('deploy/test/programs/sdk-stores.ts');
    const page = await openPage(browser, stack.edgeUrl, script);
    const loads = await page.evaluate("import('/sdk.js').then(({ exercise }) => exercise())");
    assert.equal(loads, EXPECTED_LOADS);
    const returns = "import('/sdk.js').then(({ returns }) => returns(location.origin))";
    assert.equal(await page.evaluate(returns), { isSame: true, heard: 'while away' });
    const leave = "import('/sdk.js').then(({ leave }) => leave(location.origin, ['a', 'b', 'c']))";
    const channelId = String(await page.evaluate(leave));
    await page.reload();
    const resume = `import('/sdk.js').then(({ resume }) => resume(location.origin, '${channelId}', 3))`;
    assert.equal(await page.evaluate(resume), { offsets: [2, 3, 4], offset: 4 });
  });

  test('has one tab at a time, and the next one when that is gone', async () => {
    const { script } = await buildSdk('deploy/test/programs/sdk-stores.ts');
    const context = await browser.newContext();
    const open = () => openPage(context, stack.edgeUrl, script);
    const tab = (isPatient: boolean) =>
      `import('/sdk.js').then(({ tab }) => tab(location.origin, { isPatient: ${isPatient} }))`;
    const [first, second] = [await open(), await open()];
    const userId = await first.evaluate(tab(true));
    assert.is(await second.evaluate(tab(false)), 'another tab has it');
    const waiting = second.evaluate(tab(true));
    await first.close();
    assert.is(await waiting, userId);
    await context.close();
  });
}, 60_000);
