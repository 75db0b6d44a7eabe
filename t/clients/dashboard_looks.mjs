// How the dashboard looks, in all themes and sizes and when something is
// wrong, and whether everything can be reached with the keyboard.

import { attempt, is, ok } from './client.mjs';
import { ask, call, close, gateway, go, page_at, rows, until, visit, watch }
  from './dashboard_page.mjs';
import { contrasts } from './dashboard_watch.mjs';

await attempt('another prefix', async () => {
  watch.expect(/WebSocket/);

  const page = await visit('#/requests', { at: `${gateway}/ops/dashboard/` });

  await page.locator('.live[data-state=live]').waitFor();
  is(await page.locator('.live').textContent(), 'Live (events)',
    'prefix: without WebSockets it listens to events');
  await call();
  await page.locator('.requests tr.fresh').first().waitFor();
  ok(true, 'prefix: which bring rows');
  await close(page);
  watch.expect(null);
});

for (const [status, said] of [[403, '"allow" and "deny"'],
  [404, 'llm-api'], [429, 'Wait a moment'], [503, 'error log says more'],
  [0, 'Is nginx running']]) {
  await attempt(`state ${status}`, async () => {
    watch.expect(/Failed to load resource/);

    const page = await visit('', {}, (one) => one.route(
      /\/llm\/(logs|spend|stats|status|live)/, (route) => (status
        ? route.fulfill({ status, contentType: 'text/html', body: 'x' })
        : route.abort())));

    for (const view of ['overview', 'budgets', 'requests', 'providers']) {
      await go(page, view);
      await page.getByText(said).first().waitFor();
      ok(true, `${view}: ${status || 'no answer'} says what to do`);
    }

    await close(page);
    watch.expect(null);
  });
}

const wider = (page) => page.evaluate(() => Math.max(0,
  document.documentElement.scrollWidth - innerWidth));

for (const [name, options] of [
  ['light', { colorScheme: 'light' }], ['dark', { colorScheme: 'dark' }],
  ['phone', { viewport: { width: 360, height: 760 } }],
  ['still', { reducedMotion: 'reduce' }]]) {
  await attempt(name, async () => {
    const { id } = (await ask('logs?failover=true&limit=1')).logs[0];

    const page = await visit('', options);

    for (const view of ['overview', 'budgets', 'requests', 'providers',
      `requests/${id}`]) {
      await go(page, view);

      const what = view.replace(/\/.*/, '/…');

      await page.locator('.top-list, .limits, .requests tbody tr,'
        + ' .attempts, .provider .chart, .provider h2').first().waitFor();
      await page.waitForTimeout(300);

      if (options.colorScheme) {
        is(await contrasts(page), [], `${what}: contrast when ${name}`);
      }

      is(await wider(page), 0, `${what}: not wider than the page, ${name}`);

      if (name === 'phone') {
        await page.setViewportSize({ width: 721, height: 760 });
        is(await wider(page), 0, `${what}: not wider than half a screen`);
        await page.setViewportSize(options.viewport);
      }

      if (options.reducedMotion) {
        is(await page.evaluate(() => document.getAnimations().length), 0,
          `${what}: nothing moves`);
      }
    }

    await close(page);
  });
}

for (const colorScheme of ['light', 'dark']) {
  await attempt(`status page, ${colorScheme}`, async () => {
    const page = await visit('', { colorScheme, at: `${gateway}/llm/` });

    is(await contrasts(page), [], `status page: contrast when ${colorScheme}`);
    is(await page.evaluate(() => [...document.querySelectorAll('.bar')].filter(
      (bar) => bar.getBoundingClientRect().right > innerWidth).length), 0,
    'status page: limits are seen without scrolling to the side');
    await page.setViewportSize({ width: 360, height: 760 });
    is(await page.evaluate(() => document.documentElement.scrollWidth), 360,
      'status page: not wider than a phone');
    ok(await page.getByRole('region', { name: 'Virtual keys' }).evaluate(
      (one) => {
        one.focus();
        one.scrollLeft = 300;

        const { left } = one.querySelector('.name').getBoundingClientRect();

        return document.activeElement === one && left >= 0;
      }), 'status page: tables scroll by keyboard, names stay');
    await close(page);
  });
}

await attempt('touch', async () => {
  const page = await visit('#/overview', {
    viewport: { width: 360, height: 760 }, hasTouch: true,
  });
  const chart = page.locator('.chart').first();

  await page.locator('.legend li').first().waitFor();
  await chart.scrollIntoViewIfNeeded();

  const { width } = await chart.boundingBox();

  await chart.tap({ position: { x: width - 12, y: 150 } });
  ok(await page.locator('.tip').first().isVisible(),
    'touch: a chart is read with a finger');
  is(await page.evaluate(() => location.hash), '#/overview',
    'touch: and does not lead away');
  await close(page);
});

await attempt('notices', async () => {
  const page = await visit('#/budgets', {}, (one) => one.route(/status/,
    async (route) => {
      const answer = await route.fetch();
      const json = await answer.json();

      json.store.journal.requests_without = 2;
      await route.fulfill({ response: answer, json });
    }));

  await page.getByText('2 requests could not be logged').waitFor();
  ok(true, 'notices: what the log does not have is said');
  await close(page);
});

await attempt('theme', async () => {
  const page = await visit('#/budgets', { colorScheme: 'light' });
  const ground = () => page.evaluate(
    () => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  const button = page.locator('#theme');

  await button.click();
  await button.click();
  is(await button.textContent(), 'Theme: dark', 'theme: a toggle');
  ok(await ground() !== light, 'theme: that changes it');
  await page.reload();
  ok(await ground() !== light, 'theme: and is remembered');
  await close(page);
});

await attempt('keyboard', async () => {
  const page = await visit('#/requests');

  await rows(page).first().waitFor();
  await page.keyboard.press('Tab');
  is(await page.evaluate(() => document.activeElement.id), 'skip',
    'keyboard: the first stop skips the navigation');
  await page.keyboard.press('Enter');
  is(await page.evaluate(() => document.activeElement.id), 'main',
    'keyboard: to the content');

  const unseen = [];
  let stops = 0;

  for (; stops < 30; stops += 1) {
    await page.keyboard.press('Tab');
    const { text, outlined } = await page.evaluate(() => {
      const one = document.activeElement;
      const by = one.matches('.segments input') ? one.nextSibling : one;
      const style = getComputedStyle(by);

      return {
        text: one.outerHTML.slice(0, 80),
        outlined: style.outlineStyle !== 'none'
          && parseFloat(style.outlineWidth) >= 2,
      };
    });

    if (!outlined) {
      unseen.push(text);
    }
  }

  is(unseen, [], 'keyboard: the focus can be seen everywhere');
  await rows(page).first().locator('a').focus();
  await page.keyboard.press('ArrowDown');
  ok(await page.evaluate(() => document.activeElement.closest('tr')
    === document.querySelectorAll('.requests tbody tr')[1]),
  'keyboard: arrows walk through the rows');
  is(await page.evaluate(() => [...document.querySelectorAll(
    'button, a, input, select')].filter((one) => !one.closest('[hidden]')
    && !(one.textContent.trim() || one.getAttribute('aria-label')
    || one.labels?.length)).map((one) => one.outerHTML)), [],
  'every control has a name');
  await close(page);
});

await attempt('focus', async () => {
  const page = await visit('#/overview?period=7d');
  const focused = () => page.evaluate(() => {
    const one = document.activeElement;
    return one.value || one.textContent;
  });

  for (const [view, find, key, wanted, address] of [
    ['overview?period=7d', () => page.getByLabel('Period'), 'ArrowDown', '30d',
      'period=30d'],
    ['overview', () => page.getByLabel('Team', { exact: true }), 'ArrowRight',
      'model', 'by=model'],
    ['overview?team=ml&by=team', () => page.getByLabel('Remove team'), 'Enter',
      'Overview', 'by=team'],
    ['budgets', () => page.getByLabel('All', { exact: true }), 'ArrowRight',
      'customer', 'kind=customer'],
    ['requests', () => page.getByRole('button', { name: 'Cost' }), 'Enter',
      'Cost ↓', 'sort=cost'],
  ]) {
    await page.goto('about:blank');
    await page.goto(`${page_at}#/${view}`);
    await find().focus();
    await page.keyboard.press(key);
    await until(async () => page.url().endsWith(address)
      && await focused() === wanted);
    is([await focused(), page.url().split('?')[1]], [wanted, address],
      `focus: stays where ${address} was chosen`);
  }

  await page.goto(`${page_at}#/requests?from=2026-11-01T00:00:00Z`);
  await page.getByLabel('from, UTC').waitFor();
  await page.getByLabel('from, UTC').focus();
  await page.keyboard.type('0102');
  await page.keyboard.type('2024');
  await page.keyboard.press('Enter');
  await until(() => page.url().includes('2024'));
  ok(decodeURIComponent(page.url()).endsWith('?from=2024-01-02T00:00:00Z'),
    'focus: a date can be typed');
  await close(page);
});
