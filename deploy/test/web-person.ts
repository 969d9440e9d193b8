import type { Browser, Page } from 'playwright-core';

/** Somebody at the web messenger, in a browser profile of their own. */
export interface Person {
  readonly page: Page;
  /** What went wrong in the page, besides what it could not reach. */
  readonly faults: readonly string[];
}

export interface Look {
  readonly isPhone?: boolean;
  readonly colorScheme?: 'light' | 'dark';
  readonly locale?: string;
}

export const DESKTOP = { width: 1200, height: 800 };
export const PHONE = { width: 390, height: 844 };
/** What a browser reports of a network that is gone is no fault of the page. */
const UNREACHABLE = /net::|WebSocket connection|Failed to load resource/;

/** Opens the page of a stack, which then prefers this node. */
export async function visit(
  browser: Browser,
  { edgeUrl, node }: { edgeUrl: string; node: string },
  { isPhone = false, colorScheme = 'light', locale = 'en' }: Look = {},
): Promise<Person> {
  const context = await browser.newContext({ viewport: isPhone ? PHONE : DESKTOP, colorScheme, locale });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const faults: string[] = [];
  page.on('pageerror', (error) => void faults.push(error.message));
  page.on('console', (line) => {
    if (line.type() === 'error' && !UNREACHABLE.test(line.text())) faults.push(line.text());
  });
  page.on('dialog', (dialog) => void dialog.accept());
  await page.goto(`${edgeUrl}/?node=${node}`);
  return { page, faults };
}

/** Makes an account on this device, and waits until it is connected. */
export async function signUp({ page }: Person, name: string): Promise<void> {
  await page.getByLabel('Your name').fill(name);
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.locator('[data-state=online]').waitFor();
}

/** Makes a channel and gives back its invitation link. */
export async function makeChannel({ page }: Person, title: string): Promise<string> {
  await page.getByRole('button', { name: 'New channel' }).click();
  await page.getByLabel('Name of the channel').fill(title);
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await page.getByRole('heading', { name: title }).waitFor();
  await page.getByRole('button', { name: 'Invite' }).click();
  const link = await page.getByRole('textbox', { name: 'Invitation link' }).inputValue();
  await page.keyboard.press('Escape');
  return link;
}

export async function join(
  { page }: Person,
  { link, title }: { link: string; title: string },
): Promise<void> {
  await page.getByRole('button', { name: 'Join by link' }).click();
  await page.getByRole('textbox', { name: 'Invitation link' }).fill(link);
  await page.getByRole('button', { name: 'Join', exact: true }).click();
  await page.getByRole('heading', { name: title }).waitFor();
}

export async function say({ page }: Person, text: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Message' }).fill(text);
  await page.getByRole('button', { name: 'Send', exact: true }).click();
}

/** Waits until a message stands in the open conversation. */
export async function sees({ page }: Person, text: string): Promise<void> {
  await page.getByRole('log').getByText(text, { exact: true }).waitFor();
}
