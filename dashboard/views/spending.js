// Spend over time, stacked by whose or whereof it was: the largest few, and the
// rest as one.

import { get, link } from '../api.js';
import { asTable, Chart, swatch } from '../charts.js';
import { el, put } from '../dom.js';
import { exactly } from '../filters.js';
import { axisMoney, modelNames, money, percent, words } from '../format.js';
import { amount, empty, loading, panel, segments } from '../ui.js';

const SERIES = 7;
const MOST = 10000;
const NANO = 1e9;

export const DIMENSIONS = [['team', 'Team', 'teams'],
  ['model', 'Model', 'models'], ['provider', 'Provider', 'providers'],
  ['region', 'Region', 'regions'], ['virtual_key', 'Key', 'keys'],
  ['customer', 'Customer', 'customers']];

const nano = (row) => Math.round(row.cost * NANO);

// those that have series of their own, by what they cost in the whole time
function largest(found, dimension) {
  const rows = found.rows.filter((row) => row.cost > 0);
  const shown = rows.slice(0, rows.length > SERIES + 1 ? SERIES
    : rows.length);
  const keys = shown.map((row) => row[dimension] ?? null);
  const names = dimension === 'model' ? modelNames(keys) : new Map();

  return {
    others: rows.length - shown.length,
    series: shown.map((row, i) => ({
      key: keys[i], colour: i + 1, total: nano(row),
      name: keys[i] === null ? `no ${words(dimension)}`
        : names.get(keys[i]) ?? keys[i],
    })),
  };
}

// a filter for exactly these; the empty name is what has none
function anyOf(series) {
  return series.map(({ key }) => exactly(key ?? '')).join(',');
}

// fills the series, and adds the rest, so that all of them are the whole
function stack({ series, others }, rows, dimension, whole, total) {
  const { times } = whole;
  const index = new Map(times.map((time, i) => [time, i]));
  const own = new Map(series.map((one) => [one.key, one]));
  const rest = times.map((time) => whole.costs.get(time) ?? 0);

  for (const one of series) {
    one.values = times.map(() => 0);
  }

  for (const row of rows) {
    const at = index.get(Date.parse(row.time));
    const one = own.get(row[dimension] ?? null);

    if (at !== undefined && one) {
      one.values[at] = nano(row);
      rest[at] -= nano(row);
    }
  }

  return others === 0 ? series : [...series, {
    key: undefined, colour: 'rest',
    name: others === 1 ? '1 other' : `${others} others`,
    values: rest.map((value) => Math.max(0, value)),
    total: total - series.reduce((sum, one) => sum + one.total, 0),
  }];
}

function legend(series, dimension, narrow) {
  const whole = series.reduce((sum, one) => sum + one.total, 0);

  return el('ul', { class: 'legend' }, series.map((one) => el('li', {},
    swatch(one),
    one.key === undefined ? el('span', {}, one.name)
      : el('button', {
        type: 'button', class: 'plain', title: `Only ${one.key ?? one.name}`,
        'data-key': one.name, onclick: () => narrow(dimension, one.key),
      }, one.name),
    amount(one.total / NANO),
    el('span', { class: 'muted number' }, percent(one.total / whole)))));
}

export class Spending {
  // choose(dimension), narrow(dimension, name or null), open(from, to)
  constructor({ choose, narrow, open }) {
    Object.assign(this, { choose, narrow });
    this.by = el('div');
    this.body = el('div', {}, loading());
    this.under = el('div');
    this.chart = new Chart({
      kind: 'bars', name: 'Spend over time', height: 260,
      format: (value) => money(value / NANO),
      tickFormat: (value, step) => axisMoney(value / NANO, step / NANO),
      open: (index) => open(this.times[index], this.times[index + 1]),
    });
    this.node = panel('Spend over time', this.by, this.body, this.under);
  }

  set(dimension) {
    this.dimension = dimension;
    put(this.by, segments('Stacked by', DIMENSIONS, dimension, this.choose));
  }

  busy(is) {
    this.body.setAttribute('aria-busy', is);
  }

  // instead of the chart
  say(...what) {
    this.drawn = false;
    put(this.under);
    put(this.body, what);
  }

  // what the API is asked for the chart: `whole` has the times and what all
  // together cost then
  async load(question, whole, signal) {
    const { dimension } = this;
    const all = await get('spend', {
      ...question, group_by: dimension, sort: 'cost', limit: MOST,
    }, signal);
    const found = largest(all, dimension);
    const parts = await get('spend', {
      ...question, group_by: dimension, interval: whole.interval,
      sort: 'time', limit: MOST, [dimension]: anyOf(found.series),
    }, signal);

    return stack(found, parts.rows, dimension, whole, nano(all.total));
  }

  draw(series, { times, interval }, question) {
    const { dimension } = this;

    this.times = times;

    if (!series.length) {
      this.say(empty('Nothing was spent in this time',
        'There were requests, and none of them cost anything.'));
      return;
    }

    if (!this.drawn) {
      put(this.body, this.chart.node);
      this.drawn = true;
    }

    this.chart.draw({ times, interval, series });

    const opened = this.under.querySelector('details')?.open;
    const [, , all] = DIMENSIONS.find(([name]) => name === dimension);

    put(this.under, legend(series, dimension, this.narrow),
      el('div', { class: 'below' },
        asTable(this.chart, (value) => amount(value / NANO), opened),
        el('a', {
          href: link('spend', {
            ...question, group_by: dimension, sort: 'cost', format: 'csv',
          }), download: `spend-by-${dimension}.csv`, 'data-key': 'csv',
        }, `All ${all} as CSV`)));
  }
}
