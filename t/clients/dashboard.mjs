// The dashboard in headless Chromium; t/dashboard.t has made the calls that it
// shows.  What its views say is looked at here, how they look and how one gets
// around in them in dashboard_looks.mjs.

import { attempt, done, is, ok } from './client.mjs';
import { ask, browser, call, close, gateway, go, ids, page_at, rows, same,
  until, visit, watch } from './dashboard_page.mjs';

async function text(file) {
  let all = '';

  for await (const part of await file.createReadStream()) {
    all += part;
  }

  return all;
}

const nano = (row) => Math.round(row.cost * 1e9);

// as a chart shows what is sorted by cost: the first ones, the others as one
function stacked(found) {
  const sum = found.slice(7).reduce((all, row) => all + nano(row), 0);

  return found.length > 8
    ? [...found.slice(0, 7).map((row) => row.cost), sum / 1e9]
    : found.map((row) => row.cost);
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
  is(Number(await value('Tokens')), total.input_tokens
    + total.cache_read_tokens + total.cache_write_tokens,
  'overview: tokens that were read');

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

    const costs = stacked(found);
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

  await page.getByText('Show as a table').first().click();
  ok(await page.locator('.as-table tbody tr').count() >= 1,
    'overview: and as a table');

  is(await page.locator('.as-table').first().locator('data').evaluateAll(
    (list) => list.reduce((sum, one) => sum + Math.round(one.value * 1e9), 0)),
  nano(total), 'overview: which adds up to the whole');

  await page.locator('.legend button', { hasText: 'ml' }).click();
  await page.locator('.chips li', { hasText: 'team: ml' }).waitFor();

  const ml = (await ask('spend?period=24h&team=ml')).total;

  await page.waitForFunction((n) => document.querySelectorAll(
    '.totals data')[1]?.value === String(n), ml.requests);
  is(Number(await value('Spend')), ml.cost, 'overview: narrowed to a team');
  await close(page);
});

await attempt('many keys', async () => {
  const page = await visit('#/overview?period=24h&by=virtual_key');
  const all = (await ask('spend?period=24h&group_by=virtual_key&sort=cost'))
    .rows.filter((row) => row.cost > 0);

  await page.getByText(`${all.length - 7} others`).first().waitFor();
  await page.getByText('Show as a table').first().click();
  is(await page.locator('.as-table').first().locator('data').evaluateAll(
    (list) => list.reduce((sum, one) => sum + Math.round(one.value * 1e9), 0)),
  all.reduce((sum, row) => sum + nano(row), 0),
  'many keys: the chart is the whole');

  const [file] = await Promise.all([page.waitForEvent('download'),
    page.getByRole('link', { name: 'All keys as CSV' }).click()]);
  const csv = await text(file);

  ok(all.every((row) => csv.includes(row.virtual_key)),
    'many keys: all of them as CSV');
  await close(page);
});

await attempt('minutes that are gone', async () => {
  const asked = [];
  const from = new Date(Date.now() - 7200000).toISOString();

  // as the API answers about minutes that it does not keep any more

  const page = await visit(`#/overview?from=${from}`, {}, (one) => one.route(
    /stats.*interval/, async (route) => {
      const answer = await route.fetch();
      const json = await answer.json();

      asked.push(json.interval);
      await route.fulfill({ response: answer, json: json.interval === 'minute'
        ? { ...json, from: json.to, rows: [] } : json });
    }));

  await page.locator('.legend li').first().waitFor();
  is(asked, ['minute', 'hour'], 'minutes that are gone: hours instead');

  asked.length = 0;
  await page.goto(`${page_at}#/overview?from=${new Date(Date.now()
    - 60 * 86400000).toISOString()}`);
  await until(() => asked.length > 0);
  is(asked, ['day'], 'two months that were chosen: days');
  await close(page);
});

await attempt('a clock that is wrong', async () => {
  const page = await visit('#/overview?period=24h', {}, (one) => one
    .addInitScript(() => {
      const right = Date.now;

      Date.now = () => right() - 3 * 86400000;
    }));

  await page.locator('.legend li').first().waitFor();
  await page.getByText('Show as a table').first().click();
  is(await page.locator('.as-table').first().locator('tbody tr').count(),
    (await ask('spend?period=24h&interval=hour')).rows.length,
    'a clock that is wrong: the gateway\'s time is shown');
  await go(page, 'budgets');

  const resets = await page.locator('.limits tr', { hasText: 'per hour' })
    .first().locator('.resets time').textContent();

  ok(/^(now|in 1 h|in \d+ (min|s))$/.test(resets),
  'a clock that is wrong: so is when limits reset');
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

  is((await text(file)).trim().split('\n').length - 1,
    (await ask('logs?limit=1000')).logs.length, 'requests: as CSV');
  await close(page);
});

await attempt('more than a table holds', async () => {
  let feed = null;
  const newest = (await ask('logs?limit=1')).logs[0];
  const page = await visit('#/requests', {}, (one) => one.routeWebSocket(
    /live/, (socket) => { feed = socket; }));

  await page.getByRole('button', { name: 'Older' }).click();
  await until(async () => (await ids(page)).length > 50);

  const before = (await ids(page)).length;

  await page.getByRole('button', { name: 'Pause' }).click();
  await until(() => feed);

  for (let i = 0; i < 600; i += 1) {
    const seq = newest.seq + 1 + i;

    feed.send(JSON.stringify({ type: 'request', seq,
      log: { ...newest, seq, id: `made-up-${i}` } }));
  }

  await page.getByRole('button', { name: 'Resume, 500 new' }).click();
  await until(async () => (await ids(page))[0] === 'made-up-599');

  const shown = await ids(page);

  is(shown.length, 500, 'more than a table holds: it does not grow for ever');
  is(shown.filter((id, i) => id !== `made-up-${599 - i}`), [],
    'more than a table holds: no row between two others is missing');

  for (let i = 0; i < 2; i += 1) {
    await page.getByRole('button', { name: 'Older' }).click();
    await until(async () => (await ids(page)).length > 500 + 50 * i);
  }

  is((await ids(page)).slice(500, 500 + before),
    (await ask('logs?limit=1000')).logs.map((row) => row.id).slice(0, before),
    'more than a table holds: what is older is found again');
  await close(page);
});

await attempt('no live feed', async () => {
  watch.expect(/Failed to load resource/);

  const page = await visit('#/requests', {}, async (one) => {
    await one.addInitScript(() => { delete window.WebSocket; });
    await one.route(/llm\/live/, (route) => route.fulfill({ status: 403 }));
  });

  await page.getByText('Not connected').waitFor();

  const newest = async () => (await ask('logs?limit=1')).logs[0].id;
  const last = await newest();

  await call();
  await until(async () => await newest() !== last);

  const id = await newest();

  await until(async () => (await ids(page))[0] === id);
  is((await ids(page))[0], id, 'no live feed: asked now and then instead');
  await close(page);
  watch.expect(null);
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
  ok(await page.evaluate((one) => document.activeElement.closest('tr')
    ?.dataset.id === one, id), 'detail: back at its row');
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

  const own = decodeURIComponent(page.url()).split('/').pop();

  await page.getByRole('link', { name: 'onerror' }).click();
  await rows(page).first().waitFor();
  await page.getByLabel('Filter requests').fill(
    `${await page.getByLabel('Filter requests').inputValue()} streamed=false`);
  await page.keyboard.press('Enter');
  await page.getByText('streamed: false').waitFor();
  await until(async () => same(await ids(page), [own]));
  is(await ids(page), [own], 'hostile: found by what it is called');

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

  const hour = (await ask('stats?period=1h&group_by=provider')).rows
    .find((row) => row.provider === 'east');

  const { p50, p95 } = hour.latency_ms;
  const [median, high] = [p50, p95].map((ms) => (ms < 1000 ? `${ms} ms`
    : `${(ms / 1000).toFixed(ms < 10000 ? 2 : 1)} s`));

  await page.getByText(/median .* last hour/).first().waitFor();
  ok((await page.locator('.provider').first().textContent()).includes(
    `median ${median}, p95 ${high}`), 'providers: with their last hour');
  await close(page);
});

await import('./dashboard_looks.mjs');
await browser.close();

is(watch.outside, [], 'no request leaves the gateway');
is(watch.violations, [], 'the content security policy is kept');
is(watch.complaints, [], 'nothing on the console');
done();
