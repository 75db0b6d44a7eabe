// Spend over time, what it is made of, and how well calls went.

import { get } from '../api.js';
import { Chart, swatch } from '../charts.js';
import { el, put } from '../dom.js';
import { count, duration, modelNames, money, percent, short, words }
  from '../format.js';
import { exactly } from '../filters.js';
import { buckets, suited } from '../time.js';
import { amount, chips, empty, heading, loading, panel, problem, repeat,
  scroller, segments, stale } from '../ui.js';
import { NAMES, periodChooser, range } from '../period.js';
import { outcomes } from './outcomes.js';
import { topLists } from './toplists.js';

export const title = 'Overview';

const REFRESH_MS = 30000;
const SERIES = 7;
const NANO = 1e9;

const DIMENSIONS = [['team', 'Team'], ['model', 'Model'],
  ['provider', 'Provider'], ['region', 'Region'], ['virtual_key', 'Key'],
  ['customer', 'Customer']];

// the rows of one interval each, as series: the largest few and the rest
export function stack(rows, dimension, times) {
  const index = new Map(times.map((time, i) => [time, i]));
  const groups = new Map();

  for (const row of rows) {
    const at = index.get(Date.parse(row.time));

    if (at === undefined) {
      continue;
    }

    const key = row[dimension] ?? null;
    const group = groups.get(key)
      ?? { key, values: new Array(times.length).fill(0), total: 0 };
    const nano = Math.round(row.cost * NANO);

    group.values[at] += nano;
    group.total += nano;
    groups.set(key, group);
  }

  const sorted = [...groups.values()].filter((group) => group.total > 0)
    .sort((a, b) => b.total - a.total);
  const shown = sorted.length > SERIES + 1 ? sorted.slice(0, SERIES) : sorted;
  const rest = sorted.slice(shown.length);
  const names = dimension === 'model'
    ? modelNames(shown.map((group) => group.key)) : new Map();

  shown.forEach((group, i) => {
    group.name = group.key === null ? `no ${words(dimension)}`
      : names.get(group.key) ?? group.key;
    group.colour = i + 1;
  });

  if (rest.length) {
    shown.push({
      key: undefined, colour: 'rest', name: `${rest.length} others`,
      total: rest.reduce((sum, group) => sum + group.total, 0),
      values: times.map((_, i) => rest.reduce(
        (sum, group) => sum + group.values[i], 0)),
    });
  }

  return shown;
}

function totals(spend, stats, requests) {
  const all = spend.total;
  const one = stats.total;
  const fact = (name, value, under) => el('div', {},
    el('dt', {}, name), el('dd', {}, value), el('dd', {
      class: 'under',
    }, under));

  return el('dl', { class: 'totals' },
    fact('Spend', amount(all.cost), all.cost_estimated > 0
      ? ['of it ', amount(all.cost_estimated), ' estimated']
      : 'as providers reported it'),
    fact('Requests', el('data', { value: all.requests }, count(all.requests)),
      all.refused > 0 ? el('a', { href: requests('refused') },
        `${count(all.refused)} refused by limits`) : 'none refused'),
    fact('Tokens', el('data', { value: all.input_tokens },
      short(all.input_tokens + all.cache_read_tokens
        + all.cache_write_tokens)),
    `in, ${short(all.output_tokens)} out`),
    fact('Errors', percent(one.error_rate ?? 0),
      one.errors > 0 ? el('a', { href: requests('!none,refused') },
        `${count(one.errors)} of ${count(one.requests)}`)
        : `none of ${count(one.requests)}`),
    fact('Answer time', duration(one.latency_ms?.p50),
      `median; p95 ${duration(one.latency_ms?.p95)}`),
    fact('First token', duration(one.first_token_ms?.p50),
      `median; p95 ${duration(one.first_token_ms?.p95)}`));
}

function legend(series, dimension, narrow) {
  const whole = series.reduce((sum, one) => sum + one.total, 0);

  return el('ul', { class: 'legend' }, series.map((one) => el('li', {},
    swatch(one),
    typeof one.key === 'string'
      ? el('button', {
        type: 'button', class: 'plain', title: `Only ${one.key}`,
        onclick: () => narrow(dimension, one.key),
      }, one.name)
      : el('span', {}, one.name),
    amount(one.total / NANO),
    el('span', { class: 'muted number' }, percent(one.total / whole)))));
}

// what the chart shows, for those who would rather read
function table(series, times, label) {
  const used = times.map((_, i) => i)
    .filter((i) => series.some((one) => one.values[i] > 0)).reverse();

  return el('details', { class: 'as-table' },
    el('summary', {}, 'Show as a table'),
    scroller('Spend over time', el('table', {},
      el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, 'Time'),
        series.map((one) => el('th', { scope: 'col', class: 'right' },
          one.name)))),
      el('tbody', {}, used.map((i) => el('tr', {},
        el('th', { scope: 'row' }, label(times[i])),
        series.map((one) => el('td', { class: 'right' },
          amount(one.values[i] / NANO)))))))));
}

class Overview {
  constructor(root, context) {
    this.context = context;
    this.params = context.params;
    this.controls = el('div', { class: 'controls' });
    this.filters = el('div');
    this.said = el('p', { class: 'muted', role: 'status' });
    this.totals = el('div', { class: 'block' }, loading());
    this.by = el('div');
    this.chart = new Chart({
      kind: 'bars', name: 'Spend over time', height: 260,
      format: (value) => money(value / NANO),
      tickFormat: (value) => axisMoney(value / NANO),
      open: (index) => this.open(index),
    });
    this.body = el('div', {}, loading());
    this.under = el('div');
    this.lists = topLists((name, value) => this.narrow(name, value));
    this.outcomes = outcomes();

    root.append(
      heading('Overview', this.controls), this.filters, this.said,
      this.totals,
      panel('Spend over time', this.by, this.body, this.under),
      this.outcomes.node, this.lists.node);

    this.draw();
    repeat(() => this.load(), REFRESH_MS, context.signal);
  }

  update({ params }) {
    this.params = params;
    this.draw();
    this.asked = null;
    this.load();
  }

  get dimension() {
    return DIMENSIONS.some(([name]) => name === this.params.by)
      ? this.params.by : 'team';
  }

  get narrowed() {
    return NAMES.filter((name) => this.params[name]);
  }

  change(changes) {
    this.context.go({ ...this.params, ...changes });
  }

  narrow(name, value) {
    this.change({ [name]: exactly(value) });
  }

  // filters and period, as the API wants them
  question() {
    return Object.assign(range(this.params), ...this.narrowed.map(
      (name) => ({ [name]: this.params[name] })));
  }

  draw() {
    const { narrowed, params } = this;

    put(this.controls, periodChooser(params,
      (changes) => this.change(changes)));
    put(this.by, segments('Stacked by', DIMENSIONS, this.dimension,
      (by) => this.change({ by })));
    put(this.filters, narrowed.length > 0 && el('div', { class: 'bar' },
      chips(narrowed.map((name) => [name,
        `${words(name)}: ${params[name]}`]), (name) => this.change({
        [name]: null,
      })),
      el('a', {
        href: this.context.hash('requests', this.question()),
      }, 'See these requests')));
  }

  async load() {
    const question = this.question();
    const asked = JSON.stringify([question, this.dimension]);

    this.asked = asked;
    this.body.setAttribute('aria-busy', 'true');

    try {
      const [spend, stats] = await Promise.all([
        get('spend', question, this.context.signal),
        get('stats', question, this.context.signal)]);

      if (this.asked !== asked) {
        return;
      }

      await this.fill(question, spend, stats, asked);
    } catch (error) {
      if (!this.context.signal.aborted && this.asked === asked) {
        this.failed(error);
      }
    } finally {
      this.body.removeAttribute('aria-busy');
    }
  }

  failed(error) {
    if (this.drawn && error.passing) {
      put(this.said, stale(error));
      return;
    }

    put(this.said);
    put(this.totals);
    put(this.under);
    this.drawn = false;
    put(this.body, problem(error, () => this.load()));
    this.lists.clear();
    this.outcomes.clear();

    if (!error.help) {
      throw error;
    }
  }

  async fill(question, spend, stats, asked) {
    const from = Date.parse(spend.from);
    const to = Math.min(Date.parse(spend.to), Date.now());
    const interval = suited(this.params.period ?? '24h', to - from,
      innerWidth);
    const { dimension } = this;
    const { signal } = this.context;

    put(this.said);
    put(this.totals, totals(spend, stats,
      (error) => this.context.hash('requests', { ...question, error })));

    if (!spend.total.requests) {
      this.nothing();
      return;
    }

    const [parts, quality] = await Promise.all([
      get('spend', {
        ...question, interval, group_by: dimension, limit: 10000,
        sort: 'time',
      }, signal),
      get('stats', { ...question, interval, limit: 10000, sort: 'time' },
        signal)]);

    if (this.asked !== asked) {
      return;
    }

    const times = buckets(from, to, interval);

    this.stacked({ parts, times, interval, dimension });
    this.outcomes.draw(quality.rows, times, interval);
    await this.lists.load(question, spend.total.cost, signal,
      () => this.asked === asked);
  }

  nothing() {
    this.drawn = false;
    put(this.under);
    put(this.body, empty('Nothing was asked in this time',
      'Choose a longer period, take filters away, or send a first call: '
      + 'README.md has one to copy.'));
    this.lists.clear();
    this.outcomes.clear();
  }

  stacked({ parts, times, interval, dimension }) {
    const series = stack(parts.rows, dimension, times);

    this.times = times;

    if (!series.length) {
      this.drawn = false;
      put(this.under);
      put(this.body, empty('Nothing was spent in this time',
        'There were requests, and none of them cost anything.'));
      return;
    }

    if (!this.drawn) {
      put(this.body, this.chart.node);
      this.drawn = true;
    }

    this.chart.draw({ times, interval, series });

    const opened = this.under.querySelector('details')?.open;

    put(this.under,
      legend(series, dimension, (name, value) => this.narrow(name, value)),
      parts.truncated && el('p', { class: 'muted' },
        'There are more groups than one answer holds; the smallest are '
        + 'missing here, not in the totals.'),
      table(series, times, (time) => this.chart.label(time)));

    if (opened) {
      this.under.querySelector('details').open = true;
    }
  }

  // the requests of one bar
  open(index) {
    const end = this.times[index + 1];

    location.hash = this.context.hash('requests', {
      ...this.question(), period: null,
      from: new Date(this.times[index]).toISOString(),
      to: end ? new Date(end).toISOString() : null,
    });
  }
}

function axisMoney(value) {
  return value >= 1000 ? `$${short(value)}`
    : `$${value.toFixed(9).replace(/\.?0+$/, '')}`;
}

export function open(root, context) {
  return new Overview(root, context);
}
