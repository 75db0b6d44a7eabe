// Spend over time, what it is made of, and how well calls went.

import { get } from '../api.js';
import { el, put } from '../dom.js';
import { count, duration, percent, short, words } from '../format.js';
import { exactly } from '../filters.js';
import { buckets, suited } from '../time.js';
import { amount, chips, empty, heading, loading, problem, repeat, stale }
  from '../ui.js';
import { NAMES, PeriodChooser, range } from '../period.js';
import { outcomes } from './outcomes.js';
import { DIMENSIONS, Spending } from './spending.js';
import { topLists } from './toplists.js';

export const title = 'Overview';

const REFRESH_MS = 30000;
const NANO = 1e9;

// what is an error here, as a filter of the log
const ERRORS = '!none,refused,client_gone';

function tokens(all) {
  const read = all.input_tokens + all.cache_read_tokens
    + all.cache_write_tokens;

  return [el('data', {
    value: read, title: `${count(read)} input, of them `
      + `${count(all.cache_read_tokens)} read from and `
      + `${count(all.cache_write_tokens)} written to a cache; `
      + `${count(all.output_tokens)} output`,
  }, short(read)), `in, ${short(all.output_tokens)} out`];
}

function totals(spend, stats, requests) {
  const all = spend.total;
  const one = stats.total;
  const fact = (name, value, under) => el('div', {},
    el('dt', {}, name), el('dd', {}, value), el('dd', {
      class: 'under',
    }, under));
  const leads = (error, text) => el('a', {
    href: requests(error), 'data-key': error,
  }, text);

  return el('dl', { class: 'totals' },
    fact('Spend', amount(all.cost), all.cost_estimated > 0
      ? [amount(all.cost_estimated), ' of it estimated']
      : 'as providers reported it'),
    fact('Requests', el('data', { value: all.requests }, count(all.requests)),
      all.refused > 0 ? leads('refused', `and ${count(all.refused)} refused`)
        : 'none refused'),
    fact('Tokens', ...tokens(all)),
    fact('Errors', percent(one.error_rate ?? 0),
      one.errors > 0 ? leads(ERRORS,
        `${count(one.errors)} of ${count(one.requests)}`)
        : `none of ${count(one.requests)}`),
    fact('Answer time', duration(one.latency_ms?.p50),
      `median; p95 ${duration(one.latency_ms?.p95)}`),
    fact('First token', duration(one.first_token_ms?.p50),
      `median; p95 ${duration(one.first_token_ms?.p95)}`));
}

// how calls went over time; what is so old that there are no sums by minute any
// more is drawn by the hour
async function over_time(question, { from, to, interval }, signal) {
  const found = await get('stats', {
    ...question, interval, limit: 10000, sort: 'time',
  }, signal);

  if (interval === 'minute' && Date.parse(found.from) > from) {
    return over_time(question, { from, to, interval: 'hour' }, signal);
  }

  return {
    rows: found.rows, interval, times: buckets(from, to, interval),
    costs: new Map(found.rows.map((row) => [Date.parse(row.time),
      Math.round(row.cost * NANO)])),
  };
}

class Overview {
  constructor(root, context) {
    this.context = context;
    this.params = context.params;
    this.period = new PeriodChooser((changes) => this.change(changes));
    this.filters = el('div');
    this.said = el('p', { class: 'muted said', role: 'status' });
    this.totals = el('div', { class: 'block' }, loading());
    this.spending = new Spending({
      choose: (by) => this.change({ by }),
      narrow: (name, value) => this.narrow(name, value),
      open: (from, to) => this.open(from, to),
    });
    this.lists = topLists((name, value) => this.narrow(name, value));
    this.outcomes = outcomes();

    root.append(
      heading('Overview', this.period.node), this.filters, this.said,
      this.totals, this.spending.node, this.outcomes.node, this.lists.node);

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

  // to one name, or to what has none
  narrow(name, value) {
    this.change({ [name]: value === null ? '!*' : exactly(value) });
  }

  // filters and period, as the API wants them
  question() {
    return Object.assign(range(this.params), ...this.narrowed.map(
      (name) => ({ [name]: this.params[name] })));
  }

  draw() {
    const { narrowed, params } = this;

    this.period.set(params);
    this.spending.set(this.dimension);
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
    this.spending.busy(true);

    try {
      const [spend, stats] = await Promise.all([
        get('spend', question, this.context.signal),
        get('stats', question, this.context.signal)]);

      if (this.asked === asked) {
        await this.fill(question, spend, stats, asked);
      }
    } catch (error) {
      if (!this.context.signal.aborted && this.asked === asked) {
        this.failed(error);
      }
    } finally {
      this.spending.busy(false);
    }
  }

  failed(error) {
    if (this.spending.drawn && error.passing) {
      put(this.said, stale(error));
      return;
    }

    put(this.said);
    put(this.totals);
    this.spending.say(problem(error, () => this.load()));
    this.lists.clear();
    this.outcomes.clear();

    if (!error.help) {
      throw error;
    }
  }

  async fill(question, spend, stats, asked) {
    const from = Date.parse(spend.from);
    const to = Date.parse(spend.to);
    const interval = suited(question.period, to - from, innerWidth);
    const { signal } = this.context;

    put(this.said);
    put(this.totals, totals(spend, stats,
      (error) => this.context.hash('requests', { ...question, error })));

    if (!spend.total.requests) {
      this.nothing(spend.total);
      return;
    }

    const whole = await over_time(question, { from, to, interval }, signal);
    const series = await this.spending.load(question, whole, signal);

    if (this.asked !== asked) {
      return;
    }

    this.from = from;
    this.spending.draw(series, whole, question);
    this.outcomes.draw(whole.rows, whole.times, whole.interval);
    await this.lists.load(question, spend.total.cost, signal,
      () => this.asked === asked);
  }

  nothing({ refused }) {
    this.spending.say(refused > 0
      ? empty('Nothing was spent in this time',
        'All requests were refused.')
      : empty('Nothing was asked in this time',
        'Choose a longer period, take filters away, or send a first call: '
        + 'README.md has one to copy.'));
    this.lists.clear();
    this.outcomes.clear();
  }

  // the requests of one bar; the first one may begin within its interval
  open(from, to) {
    location.hash = this.context.hash('requests', {
      ...this.question(), period: null,
      from: new Date(Math.max(from, this.from)).toISOString(),
      to: to ? new Date(to).toISOString() : null,
    });
  }
}

export function open(root, context) {
  return new Overview(root, context);
}
