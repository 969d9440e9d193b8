import type { Browser, Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { openNodeSocket } from '../../shared/client/adapters/node-socket.ts';
import { type Client, connectAccount } from '../../shared/client/hushwire.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { type Stack, startStack } from '../local/stack.ts';
import { launchChromium } from './browser.ts';

const SIZES = { desktop: { width: 1280, height: 860 }, phone: { width: 390, height: 844 } };

describe('the status page of a node, in Chromium', ({ test, before, after, needs }) => {
  needs('chromium');
  let stack: Stack;
  let browser: Browser;
  let client: Client;
  before(async () => {
    [stack, browser] = await Promise.all([startStack(), launchChromium()]);
    client = await connectAccount({ edge: stack.edgeUrl, node: 'node-1', openSocket: openNodeSocket });
  });
  after(async () => {
    client?.close();
    await browser?.close();
    await stack?.stop();
  });

  const url = () => `${stack.nodes.find(({ node }) => node === 'node-1')?.healthUrl}/status`;
  const open = async (size: keyof typeof SIZES, colorScheme: 'light' | 'dark') => {
    const page = await browser.newPage({ viewport: SIZES[size], colorScheme });
    const faults: string[] = [];
    page.on('pageerror', (error) => void faults.push(error.message));
    page.on('console', (line) => void (line.type() === 'error' && faults.push(line.text())));
    page.on('requestfailed', (request) => void faults.push(request.url()));
    await page.goto(url());
    await page.locator('#state[data-tone=good]').waitFor();
    return { page, faults };
  };
  const textOf = async (page: Page, id: string) => (await page.locator(`#${id}`).textContent()) ?? '';

  for (const [size, scheme] of [
    ['desktop', 'light'],
    ['phone', 'dark'],
  ] as const)
    test(`shows what the node does, on a ${size}, ${scheme}`, async () => {
      const { page, faults } = await open(size, scheme);
      await until(async () => (await textOf(page, 'connections')) === '1', { what: 'the connection' });
      assert.is(await textOf(page, 'node'), 'node-1');
      assert.is(await textOf(page, 'state'), 'ready');
      assert.is(await page.locator('#nodes tr').count(), 2);
      assert.is(await page.locator('.chart canvas').count(), 3);
      const { width } = SIZES[size];
      assert.ok(
        ((await page.evaluate('document.documentElement.scrollWidth')) as number) <= width,
        'fits the screen',
      );
      // For eyes: where to leave pictures of it.
      const shot = process.env.HUSHWIRE_SCREENSHOTS;
      if (shot) await page.waitForTimeout(20_000);
      if (shot) await page.screenshot({ path: `${shot}/status-${size}-${scheme}.png`, fullPage: true });
      assert.equal(faults, []);
      await page.close();
    });

  test('counts live messages, and tells when the node does not answer', async () => {
    const { page } = await open('desktop', 'dark');
    const channel = client.channel(await client.createChannel());
    await channel.subscribe();
    await until(
      async () => {
        await channel.publish('to nobody');
        return Number(await textOf(page, 'publishes')) > 0;
      },
      { what: 'a rate above zero', timeoutMs: 15_000 },
    );
    await page.route('**/status/data.json', (route) => route.abort());
    await page.locator('#state[data-tone=bad]').waitFor();
    assert.is(await textOf(page, 'state'), 'does not answer');
    await page.close();
  });

  test('takes nothing from elsewhere and lets no other page frame it', async () => {
    const { headers } = await fetch(url());
    const policy = headers.get('content-security-policy') ?? '';
    for (const rule of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"])
      assert.ok(policy.includes(rule), rule);
    assert.is((await fetch(`${url()}/nope`)).status, 404);
    assert.is((await fetch(url(), { method: 'POST' })).status, 405);
  });
}, 60_000);
