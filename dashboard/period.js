// The period that a view looks at: a named one, or from and to.

import { el } from './dom.js';
import { PERIODS } from './time.js';
import { select } from './ui.js';

// what spend and stats can be narrowed by
export const NAMES = ['customer', 'team', 'virtual_key', 'provider', 'region',
  'model', 'dialect', 'end_user', 'session', 'tag'];

const DEFAULT = '24h';

// what the API is asked
export function range(params) {
  if (params.from || params.to) {
    return { from: params.from, to: params.to };
  }

  return { period: params.period ?? DEFAULT };
}

function local(name, value, change) {
  const input = el('input', {
    type: 'datetime-local', 'aria-label': `${name}, UTC`,
    value: value && !Number.isNaN(Date.parse(value))
      ? new Date(Date.parse(value)).toISOString().slice(0, 16) : '',
    onchange: () => change(input.value ? `${input.value}:00Z` : null),
  });

  return el('label', { class: 'field' },
    el('span', { class: 'muted' }, name), input);
}

// change() gets what becomes different of the view's parameters
export function periodChooser(params, change, anytime = false) {
  const custom = params.from !== undefined || params.to !== undefined;
  const choices = [...PERIODS, ['custom', 'From … to …']];

  if (anytime) {
    choices.unshift(['', 'Any time']);
  }

  if (params.period && !choices.some(([name]) => name === params.period)) {
    choices.push([params.period, params.period]);
  }

  const chosen = custom ? 'custom'
    : params.period ?? (anytime ? '' : DEFAULT);

  return el('div', { class: 'period' },
    select('Period', choices, chosen, (value) => {
      const day = new Date(Date.now() - 86400000);

      change(value === 'custom'
        ? { period: null, from: `${day.toISOString().slice(0, 13)}:00:00Z` }
        : { period: value || null, from: null, to: null });
    }),
    custom && local('from', params.from, (from) => change({ from })),
    custom && local('to', params.to, (to) => change({ to })));
}
