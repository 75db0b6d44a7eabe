// The dashboard in a browser, for the tests of it.

import { load } from './client.mjs';
import { Watch } from './dashboard_watch.mjs';

const { chromium } = load('playwright-core');

export const gateway = process.env.LLM_URL;
export const page_at = `${gateway}/llm/dashboard/`;

export const browser = await chromium.launch({
  executablePath: process.env.LLM_CHROMIUM,
  args: process.getuid() === 0 ? ['--no-sandbox'] : [],
});

export const watch = new Watch(gateway);

// a page of its own for each test, watched for what must not happen
export async function visit(path, options = {}, prepare = null) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 }, timezoneId: 'Asia/Tokyo',
    ...options,
  });
  const page = await context.newPage();

  page.setDefaultTimeout(15000);
  await watch.over(page);
  await prepare?.(page);
  await page.goto((options.at ?? page_at) + path);
  return page;
}

// to another view of the same page: of the one before nothing is left then
export async function go(page, view) {
  await page.goto(page_at + `#/${view}`);
  await page.locator(`#nav a[aria-current=page][href="#/${
    view.replace(/\/.*/, '')}"]`).waitFor();
}

export async function ask(path) {
  return (await fetch(`${gateway}/llm/${path}`)).json();
}

export const same = (one, other) => JSON.stringify(one)
  === JSON.stringify(other);

// waits for what will be checked then
export async function until(holds) {
  for (let turn = 0; turn < 300 && !await holds(); turn += 1) {
    await new Promise((done) => { setTimeout(done, 50); });
  }
}

export const rows = (page) => page.locator('.requests tbody tr');
export const ids = (page) => rows(page).evaluateAll(
  (list) => list.map((row) => row.dataset.id));

// answers that a test was about to change are nobody's any more then
export async function close(page) {
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  await page.context().close();
}

export async function call() {
  const answer = await fetch(gateway + process.env.LLM_CALL, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${process.env.LLM_CALL_KEY}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({
      anthropic_version: 'bedrock-2023-05-31', max_tokens: 100,
      messages: [{ role: 'user', content: 'live' }],
    }),
  });

  await answer.arrayBuffer();
  return answer.status;
}
