import {existsSync} from 'node:fs';
import {chromium, type Browser, type Page} from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** The Chromium of this machine (Debian: `apt-get install chromium`); undefined where there is none. */
export function chromiumPath(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(':');
  return folders.flatMap((folder) => NAMES.map((name) => `${folder}/${name}`)).find((path) => existsSync(path));
}

/** A page in a browser of its own, and what went wrong in it: errors of its script, and what its policy forbade. */
export interface TestPage extends AsyncDisposable {
  readonly page: Page;
  readonly troubles: string[];
}

export async function openPage(
  url: string,
  options: {colorScheme?: 'light' | 'dark'; width?: number; height?: number} = {},
) {
  const {colorScheme = 'light', width = 1200, height = 900} = options;
  const executablePath = chromiumPath();
  if (executablePath === undefined) throw new Error('there is no chromium on PATH');
  // Root may only start it without its sandbox; what it opens is our own page.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const browser: Browser = await chromium.launch({executablePath, args});
  const page = await browser.newPage({colorScheme, viewport: {width, height}, timezoneId: 'UTC', locale: 'en-GB'});
  const troubles: string[] = [];
  page.on('pageerror', (error) => troubles.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') troubles.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(url)) troubles.push(`asked for ${request.url()}`);
  });
  await page.goto(url);
  return {page, troubles, [Symbol.asyncDispose]: () => browser.close()} satisfies TestPage;
}
