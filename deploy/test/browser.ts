import { type Browser, chromium, type Page } from 'playwright-core';

/** Debian's Chromium; without its sandbox, which needs what containers and root do not have. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  });
}

/**
 * A page that the edge itself has answered, with `script` as the module `/sdk.js`. A page made up by the test would
 * belong to no network, and Chromium lets such pages open no sockets to this machine.
 */
export async function openPage(
  browser: Pick<Browser, 'newPage'>,
  edgeUrl: string,
  script: string,
): Promise<Page> {
  const page = await browser.newPage();
  await page.route(`${edgeUrl}/sdk.js`, (route) =>
    route.fulfill({ contentType: 'text/javascript', body: script }),
  );
  await page.goto(`${edgeUrl}/livez`);
  return page;
}
