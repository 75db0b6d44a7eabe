// The period that a view looks at: a named one, or from and to.

import { el, put } from './dom.js';
import { PERIODS } from './time.js';
import { select } from './ui.js';

// what spend and stats can be narrowed by
export const NAMES = ['customer', 'team', 'virtual_key', 'provider', 'region',
  'model', 'dialect', 'end_user', 'session', 'tag'];

const DEFAULT = '24h';
const REST_MS = 800;

// what the API is asked
export function range(params) {
  if (params.from || params.to) {
    return { from: params.from, to: params.to };
  }

  return { period: params.period ?? DEFAULT };
}

const written = (time) => (time && !Number.isNaN(Date.parse(time))
  ? new Date(Date.parse(time)).toISOString().slice(0, 16) : '');

// a time to type: it is taken when its digits have come to rest
class Moment {
  constructor(name, change) {
    this.name = name;
    this.change = change;
    this.timer = null;
    this.input = el('input', {
      type: 'datetime-local',
      oninput: () => {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.take(), REST_MS);
      },
      onblur: () => this.take(),
      onkeydown: (event) => event.key === 'Enter' && this.take(),
    });
    this.node = el('label', { class: 'field' },
      el('span', { class: 'muted' }, `${name}, UTC`), this.input);
  }

  take() {
    const { value } = this.input;

    clearTimeout(this.timer);

    if (this.input.isConnected && value !== this.shown
        && !this.input.validity.badInput) {
      this.shown = value;
      this.change({ [this.name]: value ? `${value}:00Z` : null });
    }
  }

  set(time, hidden) {
    this.node.hidden = hidden;

    if (document.activeElement !== this.input) {
      this.shown = written(time);
      this.input.value = this.shown;
    }
  }
}

// change() gets what becomes different of the view's parameters
export class PeriodChooser {
  constructor(change, anytime = false) {
    this.change = change;
    this.anytime = anytime;
    this.named = el('span');
    this.from = new Moment('from', change);
    this.to = new Moment('to', change);
    this.node = el('div', { class: 'period' }, this.named, this.from.node,
      this.to.node);
  }

  set({ period, from, to }) {
    const custom = from !== undefined || to !== undefined;
    const choices = [...PERIODS, ['custom', 'From … to …']];

    if (this.anytime) {
      choices.unshift(['', 'Any time']);
    }

    if (period && !choices.some(([name]) => name === period)) {
      choices.push([period, period]);
    }

    put(this.named, select('Period', choices, custom ? 'custom'
      : period ?? (this.anytime ? '' : DEFAULT),
    (value) => this.choose(value)));
    this.from.set(from, !custom);
    this.to.set(to, !custom);
  }

  choose(value) {
    const day = new Date(Date.now() - 86400000);

    this.change(value === 'custom'
      ? { period: null, from: `${day.toISOString().slice(0, 13)}:00:00Z` }
      : { period: value || null, from: null, to: null });
  }
}
