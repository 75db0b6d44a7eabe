// The filters of the request log: the line to type and the form behind it.

import { el, id, put } from '../dom.js';
import { GROUPS, NAMES, OTHERS, parse, print } from '../filters.js';
import { words } from '../format.js';
import { chips } from '../ui.js';

function typed(field, value, name = field.name) {
  const own = id('filter');
  const known = field.choices;

  const node = known
    ? el('select', { id: own, name, 'data-key': name },
      ['', ...known].map((one) => el('option', { value: one },
        one ? words(one) : 'any')))
    : el('input', {
      id: own, name, 'data-key': name, placeholder: field.hint || null,
      autocomplete: 'off', spellcheck: 'false', autocapitalize: 'none',
    });

  // several at once ("a,b", "!a") are typed, a list has no place for them

  if (known && value && !known.includes(value)) {
    node.append(el('option', { value }, value));
  }

  node.value = value ?? '';

  return el('div', { class: 'form-field' },
    el('label', { for: own }, field.label), node);
}

function least_most(field, params) {
  const box = (end) => el('input', {
    name: `${field.name}_${end}`, 'data-key': `${field.name}_${end}`,
    inputmode: 'decimal', autocomplete: 'off',
    'aria-label': `${field.label}, ${end === 'min' ? 'at least' : 'at most'}`,
    placeholder: end === 'min' ? 'from' : 'to',
    value: params[`${field.name}_${end}`] ?? '',
  });

  return el('div', { class: 'form-field' },
    el('span', { class: 'label' }, field.unit
      ? `${field.label}, ${field.unit}` : field.label),
    el('span', { class: 'pair' }, box('min'), box('max')));
}

function fields(params) {
  return GROUPS.map(([name, list]) => el('fieldset', { class: 'form-group' },
    el('legend', {}, name),
    el('div', { class: 'form-fields' }, list.map((field) => (field.range
      ? least_most(field, params) : typed(field, params[field.name]))))));
}

// change() gets the filters that hold from now on
export class FilterForm {
  constructor(params, change) {
    this.change = change;
    this.params = params;
    this.error = el('p', { class: 'field-error', role: 'alert' });

    const own = id('query');
    const list = id('names');
    const hint = id('hint');

    this.query = el('input', {
      id: own, type: 'search', autocomplete: 'off', spellcheck: 'false',
      autocapitalize: 'none', list, 'aria-describedby': hint,
      placeholder: 'team=ml status=5xx cost>=0.1',
    });

    this.line = el('form', {
      class: 'query', role: 'search',
      onsubmit: (event) => this.submit(event, parse(this.query.value)),
    },
    el('label', { for: own, class: 'unseen' }, 'Filter requests'), this.query,
    el('datalist', { id: list }, NAMES.map((name) => el('option', {
      value: `${name}=`,
    }))),
    el('button', { type: 'submit' }, 'Filter'));

    this.chips = el('div');
    this.inner = el('div');
    this.form = el('form', {
      class: 'filter-form',
      onsubmit: (event) => this.submit(event,
        Object.fromEntries(new FormData(this.form))),
    }, this.inner, el('p', { class: 'buttons' },
      el('button', { type: 'submit', class: 'first' }, 'Apply'),
      el('button', { type: 'button', onclick: () => change({}) },
        'Clear all')));

    this.details = el('details', { class: 'more-filters' },
      el('summary', {}, 'All filters'),
      el('p', { class: 'muted', id: hint }, 'A value may be a list (a,b: any '
        + 'of them), begin with ! (none of them), and names may begin and '
        + 'end with *; !* finds what has none. A word by itself is looked for '
        + 'in error messages.'),
      this.form);

    this.node = el('div', { class: 'filters' }, this.line, this.error,
      this.chips, this.details);
    this.set(params);
  }

  submit(event, filters) {
    event.preventDefault();
    this.change(Object.fromEntries(Object.entries(filters)
      .map(([name, value]) => [name, value.trim()])
      .filter(([, value]) => value)));
  }

  set(params) {
    const held = Object.entries(params)
      .filter(([name, value]) => value && !OTHERS.includes(name));

    this.params = params;
    this.query.value = print(params);
    this.complain(null);
    put(this.inner, fields(params));
    put(this.chips, held.length > 0 && chips(
      held.map(([name, value]) => [name, `${words(name)}: ${value}`]),
      (name) => this.change(Object.fromEntries(
        held.filter(([one]) => one !== name)))));
  }

  // what the gateway did not understand, beside where it was typed
  complain(error) {
    put(this.error, error && (error.field
      ? `${error.field}: ${error.message}` : error.message));
    this.query.setAttribute('aria-invalid', Boolean(error));

    for (const input of this.form.elements) {
      input.setAttribute('aria-invalid', Boolean(error?.field
        && input.name === error.field));
    }
  }
}
