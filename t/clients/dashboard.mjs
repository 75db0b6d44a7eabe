// The dashboard in headless Chromium; t/dashboard.t has made the calls that it
// shows.

import { attempt, done, is, load, ok } from './client.mjs';
import { contrasts, Watch } from './dashboard_watch.mjs';

const { chromium } = load('playwright-core');

const gateway = process.env.LLM_URL;
const page_at = `${gateway}/llm/dashboard/`;

const browser = await chromium.launch({
  executablePath: process.env.LLM_CHROMIUM,
  args: process.getuid() === 0 ? ['--no-sandbox'] : [],
});

const watch = new Watch(gateway);

// a page of its own for each test, watched for what must not happen
async function visit(path, options = {}, prepare = null) {
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
async function go(page, view) {
  await page.goto(page_at + `#/${view}`);
  await page.locator(`#nav a[aria-current=page][href="#/${
    view.replace(/\/.*/, '')}"]`).waitFor();
}

async function ask(path) {
  return (await fetch(`${gateway}/llm/${path}`)).json();
}

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

// waits for what will be checked then
async function until(holds) {
  for (let turn = 0; turn < 100 && !await holds(); turn += 1) {
    await new Promise((done_) => { setTimeout(done_, 50); });
  }
}

const rows = (page) => page.locator('.requests tbody tr');
const ids = (page) => rows(page).evaluateAll(
  (list) => list.map((row) => row.dataset.id));
const close = (page) => page.context().close();

async function call() {
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

await attempt('overview', async () => {
  const page = await visit('#/overview?period=24h');
  const value = (name) => page.locator('.totals div', { hasText: name })
    .locator('data').first().getAttribute('value');

  await page.locator('.legend li').first().waitFor();
  await page.locator('.top-list').first().waitFor();

  const { total } = await ask('spend?period=24h');

  is(Number(await value('Spend')), total.cost, 'overview: spend');
  is(Number(await value('Requests')), total.requests, 'overview: requests');
  is(Number(await value('Tokens')), total.input_tokens,
    'overview: input tokens');

  const failed = await page.locator('.totals div', { hasText: 'Errors' })
    .locator('a').getAttribute('href');
  const { logs } = await ask(`logs?${failed.split('?')[1]}`);

  is(logs.length, total.errors, 'overview: errors lead to their requests');

  for (const by of ['Model', 'Provider', 'Region', 'Key', 'Customer',
    'Team']) {
    const name = { Key: 'virtual_key' }[by] ?? by.toLowerCase();
    const found = (await ask(`spend?period=24h&group_by=${name}&sort=cost`))
      .rows.filter((row) => row.cost > 0);

    await page.getByText(by, { exact: true }).first().click();

    const costs = found.map((row) => row.cost);
    const shown = () => page.locator('.legend data').evaluateAll(
      (list) => list.map((one) => Number(one.value)));

    await until(async () => page.url().includes(`by=${name}`)
      && same(await shown(), costs));
    is(await shown(), costs, `overview: stacked by ${name}`);
  }

  await page.locator('.chart').first().focus();
  await page.keyboard.press('End');
  ok(await page.locator('.tip').first().isVisible(),
    'overview: the chart is read by keyboard');

  await page.locator('summary', { hasText: 'Show as a table' }).click();
  ok(await page.locator('.as-table tbody tr').count() >= 1,
    'overview: and as a table');

  await page.locator('.legend button', { hasText: 'ml' }).click();
  await page.locator('.chips li', { hasText: 'team: ml' }).waitFor();

  const ml = (await ask('spend?period=24h&team=ml')).total;

  await page.waitForFunction((n) => document.querySelectorAll(
    '.totals data')[1]?.value === String(n), ml.requests);
  is(Number(await value('Spend')), ml.cost, 'overview: narrowed to a team');
  await close(page);
});

await attempt('budgets', async () => {
  const page = await visit('#/budgets');

  await page.locator('.limits tbody tr').first().waitFor();

  const state = await ask('status?format=json');
  const every = ['customers', 'teams', 'virtual_keys', 'providers']
    .flatMap((kind) => state[kind]).flatMap((account) => account.limits.map(
      (limit) => [account.name, limit.limit, limit.used, limit.held,
        limit.remaining].join(' ')));
  const shown = await page.locator('.limits tbody tr').evaluateAll(
    (list) => list.map((row) => [row.querySelector('th a').textContent,
      ...[...row.querySelectorAll('data')].map((one) => one.value)]
      .join(' ')));

  is(shown.toSorted(), every.toSorted(), 'budgets: every limit');
  ok((await page.locator('.limits tbody tr').first().textContent())
    .match(/used up|over/), 'budgets: the fullest comes first');

  await page.locator('input[type=search]').fill('staging concurrency');
  await page.locator('input[type=search]').fill('staging same');
  await page.waitForFunction(() => document.querySelectorAll(
    '.limits tbody tr').length === 1);
  ok(true, 'budgets: search');
  await page.locator('input[type=search]').fill('nobody');
  await page.getByText('No limit matches').waitFor();
  ok(true, 'budgets: nothing found is said');
  await close(page);
});

await attempt('requests', async () => {
  const page = await visit('#/requests');

  await rows(page).first().waitFor();

  const first = await ask('logs?limit=50');

  is(await ids(page), first.logs.map((row) => row.id),
    'requests: the newest 50');
  is(await rows(page).first().locator('data').getAttribute('value'),
    String(first.logs[0].cost), 'requests: cost');
  ok((await rows(page).first().locator('time').textContent())
    .includes(first.logs[0].time.slice(11, 19)), 'requests: in UTC');

  await page.getByRole('button', { name: 'Older' }).click();
  await page.waitForFunction(() => document.querySelectorAll(
    '.requests tbody tr').length > 50);
  ok(await page.evaluate(() => [...document.querySelectorAll(
    '.requests tbody tr')].indexOf(document.activeElement.closest('tr'))
    === 50), 'requests: older ones, and the focus goes to them');

  await page.locator('.live[data-state=live]').waitFor();
  await page.evaluate(() => { window.same = true; });
  is(await call(), 200, 'requests: a call is made');
  await page.locator('.requests tr.fresh').first().waitFor();

  const newest = (await ask('logs?limit=1')).logs[0].id;

  is(await rows(page).first().getAttribute('data-id'), newest,
    'requests: its row appears');
  ok(await page.evaluate(() => window.same), 'requests: without a reload');

  await page.getByRole('button', { name: 'Pause' }).click();
  await call();
  await page.getByRole('button', { name: 'Resume, 1 new' }).waitFor();
  is(await rows(page).first().getAttribute('data-id'), newest,
    'requests: paused');
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.waitForFunction((id) => document.querySelector(
    '.requests tbody tr').dataset.id !== id, newest);
  ok(true, 'requests: and resumed');

  const [file] = await Promise.all([page.waitForEvent('download'),
    page.getByRole('link', { name: 'CSV' }).click()]);
  let csv = '';

  for await (const part of await file.createReadStream()) {
    csv += part;
  }

  is(csv.trim().split('\n').length - 1, (await ask('logs?limit=1000')).logs
    .length, 'requests: as CSV');
  await close(page);
});

await attempt('filters', async () => {
  const page = await visit('#/requests');
  const box = page.getByLabel('Filter requests');
  const count = (n) => page.waitForFunction((wanted) => document
    .querySelectorAll('.requests tbody tr').length === wanted
    && !document.querySelector('.scroller[aria-busy]'), n);

  for (const [line, query] of [['virtual_key=poor', 'virtual_key=poor'],
    ['status=4xx team=ml', 'status=4xx&team=ml'],
    ['model=us.anthropic*', 'model=us.anthropic*'],
    ['failover=true', 'failover=true'],
    ['output_tokens>=102 team=ml', 'output_tokens_min=102&team=ml']]) {
    const { logs } = await ask(`logs?${query}`);

    const wanted = logs.map((row) => row.id);

    await box.fill(line);
    await box.press('Enter');
    await until(async () => same(await ids(page), wanted));
    ok(wanted.length > 0, `filter: ${line} finds something`);
    is(await ids(page), wanted, `filter: ${line}`);
  }

  await page.goto(`${page_at}#/requests`);
  await page.locator('summary', { hasText: 'All filters' }).click();
  await page.getByLabel('Virtual key').fill('staging');
  await page.getByLabel('Streamed').selectOption('true');
  await page.getByRole('button', { name: 'Apply' }).click();
  await count((await ask('logs?virtual_key=staging&streamed=true')).logs
    .length);
  is(await page.evaluate(() => location.hash),
    '#/requests?virtual_key=staging&streamed=true',
    'filters: the form, and the address says them');

  await page.getByRole('button', { name: 'Remove streamed: true' }).click();
  await count(Math.min(50, (await ask('logs?virtual_key=staging&limit=50'))
    .logs.length));
  ok(true, 'filters: one is taken away');

  watch.expect(/Failed to load resource/);
  await box.fill('latency=never bogus=1');
  await box.press('Enter');
  await page.locator('.field-error:not(:empty)').waitFor();
  ok(/bogus|latency/.test(await page.locator('.field-error').textContent()),
    'filters: what is not understood is said');
  watch.expect(null);

  await page.goto(`${page_at}#/requests?sort=cost`);
  const dearest = (await ask('logs?sort=cost&limit=1')).logs[0].id;
  await page.waitForFunction((id) => document.querySelector(
    '.requests tbody tr')?.dataset.id === id, dearest);
  ok(true, 'requests: sorted by cost');
  await close(page);
});

await attempt('detail', async () => {
  const page = await visit('#/requests?failover=true');

  await rows(page).first().waitFor();
  await rows(page).first().locator('a').focus();
  await page.keyboard.press('Enter');
  await page.locator('.attempts tbody tr').first().waitFor();
  is(await page.locator('.attempts tbody tr').count(), 2,
    'detail: opened by keyboard, with both attempts');

  const id = decodeURIComponent((await page.evaluate(() => location.hash))
    .split('/').pop());
  const row = await ask(`logs/${id}`);
  const shown = await page.locator('tfoot data').getAttribute('value');

  is(Number(shown), row.cost, 'detail: cost');
  is(await page.getByRole('region', { name: 'Cost' }).locator('tbody data')
    .evaluateAll((list) => list.map((one) => Number(one.value))),
  ['input', 'output', 'cache_read', 'cache_write', 'other',
    'earlier_attempts'].map((part) => row.cost_parts[part]),
  'detail: its parts');
  ok((await page.locator('main').textContent()).includes(
    row.attempts[0].request_id), 'detail: the provider\'s request id');
  ok((await page.locator('pre.content').allTextContents()).join()
    .includes('second try'), 'detail: logged content');
  is(await page.evaluate(() => document.activeElement.tagName), 'H1',
    'detail: the focus is at its title');

  await page.getByRole('link', { name: '← Requests' }).press('Enter');
  await rows(page).first().waitFor();
  is(await page.evaluate(() => location.hash), '#/requests?failover=true',
    'detail: and back to the same rows');

  watch.expect(/Failed to load resource/);
  await page.goto(`${page_at}#/requests/${'0'.repeat(32)}`);
  await page.getByText('The log has no such request').waitFor();
  ok(true, 'detail: none is said');
  watch.expect(null);
  await close(page);
});

await attempt('hostile', async () => {
  const page = await visit('#/requests?model=us.anthropic*');

  await rows(page).first().locator('a').click();
  await page.getByText('<b>bold').first().waitFor();
  ok((await page.locator('main').textContent())
    .includes('onerror="window.hacked=1"'), 'hostile: shown as text');

  await page.goto(`${page_at}#/requests?status=400`);
  await rows(page).first().waitFor();
  await page.goto(`${page_at}#/overview?team=${encodeURIComponent(
    '"><img src=x onerror=alert(1)>')}`);
  await page.getByText('Nothing was asked').waitFor();
  watch.expect(/Failed to load resource/);
  await page.goto(`${page_at}#/requests/${encodeURIComponent(
    '../../<script>alert(1)</script>')}`);
  await page.locator('main .state').waitFor();
  is(await page.evaluate(() => window.hacked), undefined,
    'hostile: nothing of it ran');
  is(await page.locator('main img, main script').count(), 0,
    'hostile: nothing of it became an element');
  watch.expect(null);
  await close(page);
});

await attempt('names like filters', async () => {
  const user = '!a, b\\c*';
  const [row] = (await ask('logs?limit=1000')).logs.filter(
    (one) => one.end_user === user);
  const page = await visit(`#/requests/${row.id}`);

  await page.getByRole('link', { name: user }).click();
  await rows(page).first().waitFor();
  is(await ids(page), [row.id], 'names like filters: a link is about one');

  await page.goto(`${page_at}#/overview`);
  await page.getByRole('button', { name: user }).click();
  await page.getByText('Not known for one end user alone').waitFor();
  await page.getByRole('link', { name: 'See these requests' }).click();
  await rows(page).first().waitFor();
  is(await ids(page), [row.id], 'names like filters: so is a button');
  await close(page);
});

await attempt('providers', async () => {
  const page = await visit('#/providers');

  await page.locator('.provider').nth(1).waitFor();
  is(await page.locator('.provider h2').allTextContents(), ['east', 'west'],
    'providers: all of them');
  ok((await page.locator('.provider').first().textContent())
    .match(/up.*1 throttled|up.*throttled/s), 'providers: and how they are');
  await page.locator('.provider .chart').first().waitFor();
  ok(true, 'providers: with their last hour');
  await close(page);
});

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

      is(await page.evaluate(() => Math.max(0, document.documentElement
        .scrollWidth - innerWidth)), 0, `${what}: not wider than the page, `
        + name);

      if (options.reducedMotion) {
        is(await page.evaluate(() => document.getAnimations().length), 0,
          `${what}: nothing moves`);
      }
    }

    await close(page);
  });
}

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

await browser.close();

is(watch.outside, [], 'no request leaves the gateway');
is(watch.violations, [], 'the content security policy is kept');
is(watch.complaints, [], 'nothing on the console');
done();
