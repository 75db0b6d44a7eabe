// One request: everything that is known of it.

import { get } from '../api.js';
import { el, put, svg } from '../dom.js';
import { bytes, count, duration, exactMoney, micros, modelName, NONE, precise,
  words } from '../format.js';
import { exactly } from '../filters.js';
import { amount, empty, facts, heading, loading, mark, panel, problem,
  scroller } from '../ui.js';
import { result } from './rows.js';

export const title = 'Request';

const exact = (value) => amount(value, exactMoney(value));
const text = (value) => (value === null || value === undefined
  || value === '' ? NONE : String(value));
const yes = (value) => (value ? 'yes' : 'no');

function summary(row) {
  const { kind, said, status } = result(row);

  return el('dl', { class: 'totals' }, [
    ['Result', mark(kind, status), said],
    ['Cost', exact(row.cost), row.price],
    ['Tokens', count(row.tokens.total), `${count(row.tokens.output)} output`],
    ['Answer time', duration(row.latency_ms), row.first_token_ms === null
      ? 'no token came' : `first token after ${duration(row.first_token_ms)}`],
    ['Overhead', micros(row.overhead_us), 'the gateway\'s own work'],
  ].map(([name, value, under]) => el('div', {}, el('dt', {}, name),
    el('dd', {}, value), el('dd', { class: 'under' }, under))));
}

function who(row, hash) {
  const filtered = (name) => (row[name]
    ? el('a', { href: hash('requests', { [name]: exactly(row[name]) }) },
      row[name]) : NONE);

  return facts([
    ['Virtual key', filtered('virtual_key')],
    ['Team', filtered('team')],
    ['Customer', filtered('customer')],
    ['End user', filtered('end_user')],
    ['Session', filtered('session')],
    ['Tags', row.tags?.length ? row.tags.map((tag) => el('a', {
      class: 'tag', href: hash('requests', { tag: exactly(tag) }),
    }, tag)) : NONE],
    ['Client', filtered('client')],
    ['User agent', text(row.user_agent)],
  ]);
}

function what(row) {
  return facts([
    ['Model', text(row.model)],
    ['Asked for', text(row.model_asked)],
    ['Provider', text(row.provider)],
    ['Region', text(row.region)],
    ['API', `${text(row.api && words(row.api))}${row.streamed
      ? ', streamed' : ''}`],
    ['Dialect', text(row.dialect)],
    ['Tier', text(row.tier)],
    ['Prompt cache', text(row.cache)],
    ['Outcome', text(row.outcome && words(row.outcome))],
    ['Client left', yes(row.aborted)],
    ['Recovered', row.recovered ? 'yes: its process had died' : 'no'],
  ]);
}

function times(row) {
  return facts([
    ['Received', precise(row.received)],
    ['First token', precise(row.first_token)],
    ['Settled', precise(row.time)],
    ['Sizes', `${bytes(row.request_bytes)} in, `
      + `${bytes(row.response_bytes)} out`],
    ['Sequence', count(row.seq)],
    ['Id', el('code', {}, row.id)],
  ]);
}

function cost(row) {
  const parts = row.cost_parts ?? {};
  const used = row.tokens;
  const writes = used.cache_write_5m + used.cache_write_1h;
  const write = used.cache_write_1h
    ? `${count(used.cache_write_5m)} for 5 minutes, `
      + `${count(used.cache_write_1h)} for 1 hour` : count(writes);

  const lines = [
    ['Input', count(used.input), parts.input],
    ['Output', used.reasoning ? `${count(used.output)}, of them `
      + `${count(used.reasoning)} reasoning` : count(used.output),
    parts.output],
    ['Cache read', count(used.cache_read), parts.cache_read],
    ['Cache write', write, parts.cache_write],
    ['Other', [row.images && `${count(row.images)} images`,
      row.queries && `${count(row.queries)} queries`].filter(Boolean)
      .join(', ') || NONE, parts.other],
    ['Earlier attempts', NONE, parts.earlier_attempts],
  ];

  return el('table', {},
    el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, 'Part'),
      el('th', { scope: 'col', class: 'right' }, 'Tokens'),
      el('th', { scope: 'col', class: 'right' }, 'Cost'))),
    el('tbody', {}, lines.map(([name, tokens, value]) => el('tr', {},
      el('th', { scope: 'row' }, name),
      el('td', { class: 'right' }, tokens),
      el('td', { class: 'right' }, exact(value))))),
    el('tfoot', {}, el('tr', {}, el('th', { scope: 'row' }, 'Total'),
      el('td', { class: 'right' }, count(used.total)),
      el('td', { class: 'right' }, exact(row.cost)))));
}

// when an attempt waited and when it answered, within the whole request
function bar(attempt, from, whole) {
  const width = 200;
  const at = (ms) => Math.max(0, Math.min(width, width * ms / whole));
  const begin = at(Date.parse(attempt.started) - from);
  const long = Math.max(at(attempt.latency_ms ?? 0), 2);
  const first = attempt.first_token_ms === null
    || attempt.first_token_ms === undefined ? long
    : Math.min(long, at(attempt.first_token_ms));
  const tone = { ok: 'good', client_error: 'warn' }[attempt.result] ?? 'bad';

  return svg('svg', {
    class: 'timeline', viewBox: `0 0 ${width} 12`, height: 12,
    preserveAspectRatio: 'none', 'aria-hidden': 'true',
  },
  svg('rect', { class: 'track', width, height: 12 }),
  svg('rect', { class: `fill-${tone} wait`, x: begin, width: first,
    height: 12 }),
  svg('rect', { class: `fill-${tone}`, x: begin + first,
    width: Math.max(long - first, 0), height: 12 }));
}

function attempts(row) {
  const from = Date.parse(row.received);
  const whole = Math.max(1, row.latency_ms
    ?? Date.parse(row.time) - from);

  if (!row.attempts?.length) {
    return el('p', { class: 'muted' },
      'None: the gateway answered by itself, no provider was asked.');
  }

  return scroller('Attempts', el('table', { class: 'attempts' },
    el('thead', {}, el('tr', {},
      ['Provider', 'Result', 'When', 'Begun', 'Answer', 'First token',
        'Tokens', 'Cost', 'Provider\'s request id'].map((name) => el('th', {
        scope: 'col',
      }, name)))),
    el('tbody', {}, row.attempts.map((one) => el('tr', {},
      el('th', { scope: 'row' },
        el('span', { class: 'first-line' }, text(one.provider)),
        el('span', { class: 'second-line', title: one.model },
          `${text(one.region)} · ${modelName(one.model)}`)),
      el('td', {}, mark({ ok: 'good', client_error: 'warn' }[one.result]
        ?? 'bad', `${one.status ?? ''} ${words(one.result)}`.trim())),
      el('td', { class: 'when' }, bar(one, from, whole)),
      el('td', {}, one.started ? `+${duration(Math.max(0,
        Date.parse(one.started) - from))}` : NONE),
      el('td', {}, duration(one.latency_ms)),
      el('td', {}, duration(one.first_token_ms)),
      el('td', {}, `${count(one.input_tokens)} → `
        + `${count(one.output_tokens)}`),
      el('td', {}, exact(one.cost)),
      el('td', {}, el('code', {}, text(one.request_id))))))));
}

// it may be long, and scrolls by keyboard
function source(name, said, more = null) {
  return el('pre', {
    tabindex: '0', role: 'region', 'aria-label': name, class: more,
  }, said);
}

// JSON is laid out, anything else is shown as it came
function laid_out(content) {
  try {
    return JSON.stringify(JSON.parse(content), null, 2);
  } catch {
    return content;
  }
}

function content(row) {
  const said = row.content;

  if (said === null || typeof said !== 'object') {
    return el('p', { class: 'muted' }, 'Not kept. With '
      + '"llm_log_content request response" for a key, prompts and answers '
      + 'are.');
  }

  return [['Prompt', said.request], ['Answer', said.response]].map(
    ([name, what_]) => [
      el('h3', {}, name),
      what_ ? source(name, laid_out(what_), 'content')
        : el('p', { class: 'muted' }, 'Nothing.'),
    ]);
}

function draw(root, row, { hash }) {
  put(root,
    row.error_message && el('div', { class: 'note bad' },
      el('p', {}, el('b', {}, words(row.refusal ?? row.error ?? 'error'))),
      el('p', {}, row.error_message)),
    summary(row),
    panel('Attempts', attempts(row)),
    el('div', { class: 'grid two' },
      el('div', {}, panel('Cost', cost(row)),
        panel('Who', who(row, hash))),
      el('div', {}, panel('What', what(row)), panel('Times', times(row)))),
    panel('Content', content(row)),
    el('details', { class: 'panel raw' }, el('summary', {}, 'As JSON'),
      source('The row as JSON', JSON.stringify(row, null, 2))));
}

async function load(root, context) {
  put(root, loading());

  try {
    draw(root, await get(`logs/${encodeURIComponent(context.item)}`, {},
      context.signal), context);
  } catch (error) {
    if (context.signal.aborted) {
      return;
    }

    if (error.type === 'not_found') {
      put(root, empty('The log has no such request',
        'It may be older than the log is kept, or not be written yet, which '
        + 'takes about a second.'),
      el('p', {}, el('button', {
        type: 'button', onclick: () => load(root, context),
      }, 'Look again')));
      return;
    }

    put(root, problem(error, () => load(root, context)));

    if (!error.help) {
      throw error;
    }
  }
}

export function open(root, context) {
  const body = el('div');

  root.append(
    el('p', { class: 'back' }, el('a', {
      href: context.hash('requests'),
      onclick: (event) => {
        if (context.came) {
          event.preventDefault();
          history.back();
        }
      },
    }, '← Requests')),
    heading('Request', el('code', { class: 'muted' }, context.item)), body);
  load(body, context);

  return { update() {} };
}
