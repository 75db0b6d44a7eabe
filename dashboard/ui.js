// The small parts that views are put together from.

import { el, id } from './dom.js';
import { exactMoney, money, precise, span } from './format.js';

export function heading(text, ...beside) {
  return el('div', { class: 'heading' },
    el('h1', { tabindex: '-1' }, text), beside);
}

export function panel(title, ...content) {
  const name = id('panel');

  return el('section', { class: 'panel', 'aria-labelledby': name },
    el('h2', { id: name }, title), content);
}

export function loading(what = 'Loading') {
  return el('p', { class: 'state', role: 'status' },
    el('span', { class: 'spinner', 'aria-hidden': 'true' }), `${what}…`);
}

export function empty(text, hint = null) {
  return el('div', { class: 'state' },
    el('p', { class: 'state-title' }, text), hint && el('p', {}, hint));
}

export function problem(error, retry = null) {
  const known = typeof error.help === 'string';

  return el('div', { class: 'state problem', role: 'alert' },
    el('p', { class: 'state-title' },
      known ? error.title : 'This page has failed'),
    error.message && el('p', {},
      error.field ? `${error.field}: ${error.message}` : error.message),
    known && el('p', {}, error.help),
    retry && el('p', {}, el('button', { type: 'button', onclick: retry },
      'Try again')));
}

// what is shown is old, because it could not be asked for again
export function stale(error) {
  return `Not refreshed: ${error.title.toLowerCase()}. Trying again.`;
}

// money, exact to whoever points at it or reads it by machine
export function amount(value, text = money(value)) {
  return el('data', {
    value: value ?? '',
    title: exactMoney(value),
    class: 'number',
  }, text);
}

export function when(time, text, attributes = {}) {
  return el('time', {
    datetime: time,
    title: `${precise(time)}, here ${new Date(time).toLocaleString()}`,
    ...attributes,
  }, text);
}

export function until(time, now) {
  const left = Date.parse(time) - now;
  return left > 0 ? `in ${span(left)}` : 'now';
}

// choices of which one holds, as radio buttons that look like one control
export function segments(label, choices, chosen, choose) {
  const name = id('choice');

  return el('fieldset', { class: 'segments' },
    el('legend', { class: 'unseen' }, label),
    choices.map(([value, text]) => {
      const own = id('choice');
      const input = el('input', {
        type: 'radio', name, id: own, value, 'data-key': `${label} ${value}`,
        onchange: () => choose(value),
      });

      input.checked = value === chosen;
      return [input, el('label', { for: own }, text)];
    }));
}

export function select(label, choices, chosen, choose, hidden = true) {
  const own = id('select');
  const node = el('select', {
    id: own, 'data-key': label, onchange: () => choose(node.value),
  }, choices.map(([value, text]) => el('option', { value }, text)));

  node.value = chosen;

  return el('span', { class: 'field' },
    el('label', { for: own, class: hidden ? 'unseen' : null }, label), node);
}

// a mark that says in shape, colour and word how something is
export function mark(kind, text) {
  const shapes = { good: '●', warn: '▲', bad: '■', off: '○' };

  return el('span', { class: `mark ${kind}` },
    el('span', { 'aria-hidden': 'true' }, shapes[kind]), ` ${text}`);
}

// a table that may be wider than the page scrolls by itself, by keyboard too
export function scroller(label, table) {
  return el('div', {
    class: 'scroller', role: 'region', tabindex: '0', 'aria-label': label,
    'data-key': `scroller ${label}`,
  }, table);
}

export function facts(pairs) {
  return el('dl', { class: 'facts' }, pairs
    .filter((pair) => pair)
    .map(([name, ...value]) => el('div', {},
      el('dt', {}, name), el('dd', {}, value))));
}

// filters that hold, each with a button that takes it away
export function chips(filters, remove) {
  return el('ul', { class: 'chips', 'aria-label': 'Filters' },
    filters.map(([name, text, value]) => el('li', {},
      el('span', {}, text),
      el('button', {
        type: 'button', 'aria-label': `Remove ${text}`, 'data-key': name,
        onclick: () => remove(name, value),
      }, '×'))));
}

// asks again and again while the page is looked at; stops with the signal
export function repeat(ask, ms, signal) {
  let timer = null;
  let busy = false;

  const turn = async () => {
    if (signal.aborted || busy) {
      return;
    }

    busy = true;
    clearTimeout(timer);

    if (!document.hidden) {
      await ask();
    }

    busy = false;

    if (!signal.aborted) {
      timer = setTimeout(turn, ms);
    }
  };

  const seen = () => !document.hidden && turn();

  document.addEventListener('visibilitychange', seen, { signal });
  signal.addEventListener('abort', () => clearTimeout(timer));
  turn();

  return turn;
}
