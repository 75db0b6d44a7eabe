// Every limit of every customer, team, key and provider: how full it is, and
// when it is empty again.

import { accounts } from '../api.js';
import { el, put, svg } from '../dom.js';
import { count, percent, plural, roundMoney, words } from '../format.js';
import { amount, empty, heading, loading, mark, problem, repeat, segments,
  select, stale, until, when } from '../ui.js';

export const title = 'Budgets';

const REFRESH_MS = 5000;
const SHOWN = 100;
const NEARLY = 0.8;

const KINDS = [['customers', 'customer'], ['teams', 'team'],
  ['virtual_keys', 'virtual_key'], ['providers', 'provider']];

const WINDOWS = { s: 'second', m: 'minute', h: 'hour', d: 'day', w: 'week',
  M: 'month', Y: 'year' };

// what of the overview belongs to a window
const PERIODS = { '1h': '1h', '1d': 'today', '1w': 'this_week',
  '1Y': '365d' };

// "1M" is "per month", "5m" is "per 5 minutes"
export function perWindow(window) {
  const [, n, unit] = /^(\d+)([smhdwMY])$/.exec(window ?? '') ?? [];

  if (!unit) {
    return window === 'total' ? 'in all' : '';
  }

  return n === '1' ? `per ${WINDOWS[unit]}` : `per ${n} ${WINDOWS[unit]}s`;
}

export function limitName(limit) {
  return limit.metric === 'cost' ? 'Budget' : {
    requests: 'Requests', tokens: 'Tokens', input_tokens: 'Input tokens',
    output_tokens: 'Output tokens', concurrency: 'At the same time',
  }[limit.metric] ?? words(limit.metric);
}

export function limitAmount(limit, value) {
  return limit.metric === 'cost' ? amount(value)
    : el('data', { value, class: 'number' }, count(value));
}

// limits of all accounts, each with how full it is
export function allLimits(state) {
  return KINDS.flatMap(([list, kind]) => state[list].flatMap(
    (account) => account.limits.map((limit) => {
      const taken = limit.used + limit.held;

      return {
        kind, account, limit,
        full: limit.limit > 0 ? taken / limit.limit : 1,
        used: limit.limit > 0 ? limit.used / limit.limit : 1,
      };
    })));
}

function level({ full, limit }) {
  if (full >= 1 || limit.remaining <= 0) {
    return limit.mode === 'soft' ? ['warn', 'over, not refused']
      : ['bad', 'used up'];
  }

  return full >= NEARLY ? ['warn', 'nearly full'] : ['good', ''];
}

// spent is solid, held is hatched, the rest is empty
export function limitBar(entry) {
  const [tone] = level(entry);
  const used = Math.min(100, entry.used * 100);
  const held = Math.min(100 - used, (entry.full - entry.used) * 100);

  return svg('svg', {
    class: 'limit-bar', viewBox: '0 0 100 8', height: 8,
    preserveAspectRatio: 'none', role: 'img',
    'aria-label': `${percent(entry.used)} used`
      + `${entry.full > entry.used
        ? `, ${percent(entry.full - entry.used)} held` : ''}`,
  },
  svg('rect', { class: 'track', width: 100, height: 8 }),
  svg('rect', { class: `level-${tone}`, width: used, height: 8 }),
  svg('rect', { class: `level-${tone} held`, x: used, width: held,
    height: 8 }));
}

// the same in words
export function fullness(entry) {
  const [tone, said] = level(entry);

  return el('span', { class: 'second-line' }, mark(tone, said
    ? `${percent(entry.full)}, ${said}` : percent(entry.full)));
}

function resets(limit, now) {
  if (!limit.resets) {
    return el('span', { class: 'muted' },
      limit.metric === 'concurrency' ? 'as calls end' : 'never');
  }

  return when(limit.resets, until(limit.resets, now));
}

function row(entry, hash, now) {
  const { kind, account, limit } = entry;
  const link = kind === 'provider' ? hash('providers')
    : hash('overview', { [kind]: account.name,
      period: PERIODS[limit.window] ?? 'this_month' });
  const mode = limit.mode === 'normal' ? '' : `, ${limit.mode}`;

  // on a phone the parts of a row lie below each other; roles keep it a row

  const cell = (part, ...content) => el('td', { class: part, role: 'cell' },
    content);

  return el('tr', { role: 'row' },
    el('th', { scope: 'row', class: 'account clip', role: 'rowheader' },
      el('a', {
        href: link, class: 'first-line', title: account.name,
        'data-key': [kind, account.name, limit.metric, limit.window,
          limit.mode].join(' '),
      }, account.name),
      el('span', { class: 'second-line' }, words(kind))),
    cell('what',
      el('span', { class: 'first-line' }, limit.metric === 'cost'
        ? amount(limit.limit, roundMoney(limit.limit))
        : limitAmount(limit, limit.limit), ` ${perWindow(limit.window)}`),
      el('span', { class: 'second-line' }, `${limitName(limit)}${mode}`)),
    cell('fullness', limitBar(entry), fullness(entry)),
    cell('used right', limitAmount(limit, limit.used)),
    cell('held right', limitAmount(limit, limit.held)),
    cell('left right', limitAmount(limit, limit.remaining)),
    cell('resets right', resets(limit, now)));
}

function matches({ kind, account, limit }, words_) {
  const text = [kind, account.name, account.team, account.customer,
    limitName(limit), limit.window, limit.mode].join(' ').toLowerCase();

  return words_.every((word) => text.includes(word));
}

const ORDERS = {
  full: (a, b) => b.full - a.full,
  name: (a, b) => a.account.name.localeCompare(b.account.name),
  spent: (a, b) => (b.limit.metric === 'cost') - (a.limit.metric === 'cost')
    || b.limit.used - a.limit.used,
  resets: (a, b) => (Date.parse(a.limit.resets) || Infinity)
    - (Date.parse(b.limit.resets) || Infinity),
};

class Budgets {
  constructor(root, context) {
    this.context = context;
    this.params = context.params;
    this.shown = SHOWN;
    this.search = el('input', {
      type: 'search', 'aria-label': 'Search limits', autocomplete: 'off',
      placeholder: 'Search name, kind, team …', spellcheck: 'false',
      value: this.params.q ?? '',
      oninput: () => this.change({ q: this.search.value }),
    });
    this.kinds = el('div');
    this.order = el('div');
    this.said = el('p', { class: 'muted said', role: 'status' });
    this.body = el('tbody', { role: 'rowgroup' });
    this.table = el('table', { class: 'limits', role: 'table' },
      el('caption', { class: 'unseen' }, 'Limits and how full they are'),
      el('thead', { role: 'rowgroup' }, el('tr', { role: 'row' },
        ['Account', 'Limit', 'Use', 'Used', 'Held', 'Left', 'Resets'].map(
          (text, i) => el('th', {
            scope: 'col', role: 'columnheader', class: i > 2 ? 'right' : null,
          }, text)))), this.body);
    this.place = el('section', { class: 'panel flush' }, loading());

    root.append(heading('Budgets and limits'),
      el('div', { class: 'bar' }, this.kinds, this.search, this.order),
      this.said, this.place);
    this.draw();
    repeat(() => this.load(), REFRESH_MS, context.signal);
  }

  change(changes) {
    this.context.go({ ...this.params, ...changes }, true);
  }

  update({ params }) {
    this.params = params;
    this.shown = SHOWN;

    if (document.activeElement !== this.search) {
      this.search.value = params.q ?? '';
    }

    this.draw();
  }

  async load() {
    try {
      this.state = await accounts(this.context.signal);
      this.draw();
    } catch (error) {
      if (this.context.signal.aborted) {
        return;
      }

      if (this.state && error.passing) {
        put(this.said, stale(error));
        return;
      }

      this.state = null;
      put(this.said);
      put(this.place, problem(error, () => this.load()));
    }
  }

  draw() {
    const { kind = '', q = '', order = 'full' } = this.params;

    if (this.kind !== kind || this.sorted !== order) {
      Object.assign(this, { kind, sorted: order });
      put(this.order, select('Order', [['full', 'Fullest first'],
        ['spent', 'Most used first'], ['resets', 'Next reset first'],
        ['name', 'By name']], ORDERS[order] ? order : 'full',
      (value) => this.change({ order: value })));
      put(this.kinds, segments('Kind', [['', 'All'],
        ['customer', 'Customers'], ['team', 'Teams'],
        ['virtual_key', 'Keys'], ['provider', 'Providers']], kind,
      (value) => this.change({ kind: value })));
    }

    if (!this.state) {
      return;
    }

    const asked = q.toLowerCase().split(/\s+/).filter(Boolean);
    const all = allLimits(this.state);
    const found = all.filter((entry) => (!kind || entry.kind === kind)
      && matches(entry, asked)).sort(ORDERS[order] ?? ORDERS.full);

    this.tell(found, all);

    if (!found.length) {
      put(this.place, all.length
        ? empty('No limit matches', 'Search for less, or choose All.')
        : empty('There are no limits', 'llm_budget and llm_rate_limit in '
          + 'nginx.conf set them, for customers, teams, keys and '
          + 'providers.'));
      return;
    }

    this.list(found);
  }

  tell(found, all) {
    const used = found.filter((entry) => level(entry)[0] === 'bad').length;
    const text = `${found.length < all.length ? `${count(found.length)} of `
      : ''}${plural(all.length, 'limit')}`
      + `${used ? `, ${count(used)} used up` : ''}`
      + `${this.state.more ? '; there are more accounts than are shown' : ''}`;

    if (this.said.textContent !== text) {
      put(this.said, text);
    }
  }

  list(found) {
    const now = Date.parse(this.state.time);

    put(this.body, found.slice(0, this.shown).map(
      (entry) => row(entry, this.context.hash, now)));
    put(this.place, this.table, found.length > this.shown && el('p', {
      class: 'more',
    }, el('button', {
      type: 'button', 'data-key': 'more', onclick: () => this.grow(),
    }, `Show more of ${count(found.length)}`)));
  }

  // by a page; the focus goes to the first of it
  grow() {
    const from = this.shown;

    this.shown += SHOWN;
    this.draw();
    this.body.children[from]?.querySelector('a').focus();
  }
}

export function open(root, context) {
  return new Budgets(root, context);
}

