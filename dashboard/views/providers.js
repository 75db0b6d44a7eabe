// Providers: whether they can be asked, where they are, how they answer.

import { get, status } from '../api.js';
import { Chart, swatch } from '../charts.js';
import { el, put } from '../dom.js';
import { axisDuration, axisPercent, count, duration, known, NONE, percent,
  plural, span, words } from '../format.js';
import { buckets } from '../time.js';
import { amount, empty, facts, heading, loading, mark, problem, repeat, stale,
  until, when } from '../ui.js';
import { allLimits, fullness, limitAmount, limitBar, limitName, perWindow }
  from './budgets.js';

export const title = 'Providers';

const REFRESH_MS = 5000;
const HISTORY_MS = 60000;
const SOON_MS = 10 * 60000;

const LAST_HOUR = 'Answered in the last hour';

const times = (n) => (n === 1 ? 'once' : `${count(n)} times`);

// what a provider is, said in a few words
export function condition(provider, now) {
  const { credentials, health } = provider;

  if (provider.governed) {
    return ['good', 'governed location'];
  }

  if (health.state === 'resting') {
    return ['bad', `resting, tried again ${until(health.open_until, now)}`];
  }

  if (!credentials.present) {
    return ['bad', 'no credentials'];
  }

  if (!provider.addresses.length) {
    return ['bad', 'no address'];
  }

  if (health.state === 'probe') {
    return ['warn', 'being tried with one request'];
  }

  if (!provider.up) {
    return ['bad', 'cannot be asked'];
  }

  return health.failures > 0
    ? ['warn', `up, ${plural(health.failures, 'failure')} in a row`]
    : ['good', 'up'];
}

function expiry({ expires }, now) {
  if (!expires) {
    return 'they do not expire';
  }

  const left = Date.parse(expires) - now;

  return left <= 0 ? mark('bad', 'expired')
    : el('span', {}, left < SOON_MS && mark('warn', ''),
      'expire ', when(expires, until(expires, now)));
}

function credentials(provider, now) {
  const state = provider.credentials;

  return [
    ['Credentials', state.present
      ? [`${state.source ?? 'set'} (${state.kind}), `, expiry(state, now)]
      : mark('bad', 'none')],
    state.error && ['Credentials error', el('span', { class: 'bad-text' },
      state.error), state.error_at && [' ', when(state.error_at,
      `${span(now - Date.parse(state.error_at))} ago`)]],
  ];
}

function addresses(provider) {
  return [
    ['Endpoint', el('code', {}, provider.endpoint ?? NONE),
      provider.tls ? ' over TLS' : ' in clear text'],
    ['Addresses', provider.addresses.length
      ? provider.addresses.map((address) => el('code', {
        class: 'address',
      }, address)) : NONE],
    provider.resolve_error && ['Resolving', el('span', {
      class: 'bad-text',
    }, provider.resolve_error)],
  ];
}

function attempts(provider) {
  const all = Object.values(provider.attempts)
    .reduce((sum, n) => sum + n, 0);
  const failed = Object.entries(provider.attempts)
    .filter(([name, n]) => n > 0 && name !== 'ok' && name !== 'client_error');
  const bad = failed.reduce((sum, [, n]) => sum + n, 0);

  return [
    ['Attempts', `${count(all)} since nginx started, `
      + `${count(provider.in_flight)} in flight`],
    ['Provider failures', all ? `${percent(bad / all)} (${count(bad)})` : NONE,
      failed.length > 0 && el('span', { class: 'second-line' },
        failed.map(([name, n]) => `${count(n)} ${words(name)}`).join(', '))],
    provider.attempts.client_error > 0 && ['Client errors',
      count(provider.attempts.client_error)],
  ];
}

function quantiles({ p50, p95 } = {}, when_ = '') {
  return known(p50) ? `median ${duration(p50)}, p95 ${duration(p95)}${when_}`
    : NONE;
}

// of the last hour; without a log only what is counted by and large
function speed(provider, hour) {
  const about = ({ p50_seconds: p50, p95_seconds: p95, count: n }) => (n
    ? ['about ', quantiles({ p50: p50 * 1000, p95: p95 * 1000 },
      ', since nginx started')] : [NONE]);
  const exact = (values) => [quantiles(values, ', last hour')];

  return [
    ['Answer time', ...hour ? exact(hour.latency_ms)
      : about(provider.latency)],
    ['First token', ...hour ? exact(hour.first_token_ms)
      : about(provider.first_token)],
  ];
}

function limits(provider, state) {
  const own = allLimits({
    customers: [], teams: [], virtual_keys: [],
    providers: state.providers.filter((one) => one.name === provider.name),
  });

  return own.length > 0 && el('ul', { class: 'limit-list' },
    own.map((entry) => el('li', {},
      el('span', {}, `${limitName(entry.limit)} `,
        perWindow(entry.limit.window)),
      el('span', {}, limitAmount(entry.limit, entry.limit.used), ' of ',
        limitAmount(entry.limit, entry.limit.limit)),
      limitBar(entry), fullness(entry))));
}

// one provider, made once and filled again and again
class Card {
  constructor(name, hash) {
    this.state = el('div');
    this.facts = el('div');
    this.limits = el('div');
    this.errors = new Chart({
      kind: 'lines', name: `${name}: error rate, last hour`, height: 110,
      format: percent, tickFormat: axisPercent, least: 0.04,
    });
    this.latency = new Chart({
      kind: 'lines', name: `${name}: answer time, last hour`, height: 110,
      format: duration, tickFormat: axisDuration,
    });
    this.history = el('div', { class: 'grid two history' }, loading());
    this.node = el('section', { class: 'panel provider',
      'aria-label': name },
    el('div', { class: 'provider-head' }, el('h2', {}, name), this.state,
      el('a', { href: hash('requests', { attempt_provider: name }) },
        'Requests')),
    this.limits, this.facts, this.history);
  }

  fill(provider, state, now) {
    const [tone, said] = condition(provider, now);
    const { health } = provider;
    const where = [provider.region, provider.model].filter(Boolean)
      .join(' · ');

    this.filled = [provider, state, now];
    put(this.state, mark(tone, said),
      where && el('span', { class: 'muted' }, where));
    put(this.limits, limits(provider, state));
    put(this.facts, facts([
      ['Spent', amount(provider.spent.cost), ' in all'],
      ...attempts(provider), ...speed(provider, this.hour),
      ...(provider.governed ? [] : [
        ...credentials(provider, now), ...addresses(provider),
        ['Breaker', `opened ${times(health.opened_total)}, `
          + `${plural(health.failures_total, 'failure')} counted`],
      ]),
    ]));
  }

  // how the requests went that it answered; of one that went on to another
  // provider that one tells
  draw(hour, rows, minutes) {
    this.hour = hour ?? {};
    this.fill(...this.filled);

    if (!rows.length) {
      this.drawn = false;
      put(this.history, el('p', { class: 'muted' },
        'It answered no request in the last hour.'));
      return;
    }

    const found = new Map(rows.map((row) => [Date.parse(row.time), row]));
    const line = (name, colour, pick, dashed = false) => ({
      name, colour, dashed, line: true,
      values: minutes.map((time) => {
        const row = found.get(time);
        return row?.requests > 0 ? pick(row) ?? null : null;
      }),
    });
    const rate = [line('error rate', 'bad', (row) => row.error_rate)];
    const latency = [
      line('p95', 2, (row) => row.latency_ms?.p95, true),
      line('p50', 1, (row) => row.latency_ms?.p50)];
    const key = (title_, series) => el('p', { class: 'key' }, title_,
      series.map((one) => el('span', {}, swatch(one), ` ${one.name}`)));

    if (!this.drawn) {
      this.drawn = true;
      put(this.history,
        el('div', {}, key(LAST_HOUR, rate), this.errors.node),
        el('div', {}, key(LAST_HOUR, latency), this.latency.node));
    }

    this.errors.draw({ times: minutes, interval: 'minute', series: rate });
    this.latency.draw({
      times: minutes, interval: 'minute', series: latency,
    });
  }

  without(error) {
    if (!this.drawn) {
      put(this.history, el('p', { class: 'muted' },
        `No history: ${error.message || error.title}`));
    }
  }
}

class Providers {
  constructor(root, context) {
    this.context = context;
    this.cards = new Map();
    this.place = el('div', {}, loading());
    this.said = el('p', { class: 'muted said', role: 'status' });
    root.append(heading('Providers'), this.said, this.place);

    repeat(() => this.load(), REFRESH_MS, context.signal);
  }

  update() {}

  async load() {
    try {
      const state = await status(this.context.signal);

      this.fill(state);
    } catch (error) {
      if (this.context.signal.aborted) {
        return;
      }

      if (this.cards.size && error.passing) {
        put(this.said, stale(error));
        return;
      }

      this.cards.clear();
      put(this.said);
      put(this.place, problem(error, () => this.load()));
    }
  }

  fill(state) {
    const names = state.providers.map((provider) => provider.name);
    const now = Date.parse(state.time);

    if (!names.length) {
      this.cards.clear();
      put(this.place, empty('There are no providers',
        'llm_provider in nginx.conf makes one.'));
      return;
    }

    if (names.join('\n') !== [...this.cards.keys()].join('\n')) {
      this.cards = new Map(names.map(
        (name) => [name, new Card(name, this.context.hash)]));
      put(this.place, [...this.cards.values()].map((card) => card.node));
      this.turn ??= repeat(() => this.past(), HISTORY_MS,
        this.context.signal);
      this.turn();
    }

    for (const provider of state.providers) {
      this.cards.get(provider.name).fill(provider, state, now);
    }

    const down = state.providers.filter(
      (provider) => condition(provider, now)[0] === 'bad').length;
    const text = down ? `${count(down)} of ${count(names.length)} cannot be `
      + 'asked now.' : `${names.length > 1 ? 'All ' : ''}${
      count(names.length)} can be asked.`;

    if (this.said.textContent !== text) {
      put(this.said, text);
    }
  }

  async past() {
    try {
      const asked = { period: '1h', group_by: 'provider', limit: 10000 };
      const [whole, found] = await Promise.all([
        get('stats', asked, this.context.signal),
        get('stats', { ...asked, interval: 'minute', sort: 'time' },
          this.context.signal)]);
      const minutes = buckets(Date.parse(found.from), Date.parse(found.to),
        'minute');

      for (const [name, card] of this.cards) {
        const own = (row) => row.provider === name;

        card.draw(whole.rows.find(own), found.rows.filter(own), minutes);
      }
    } catch (error) {
      if (!this.context.signal.aborted) {
        this.cards.forEach((card) => card.without(error));
      }
    }
  }
}

export function open(root, context) {
  return new Providers(root, context);
}
