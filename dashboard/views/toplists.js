// Who and what spent the most: a small table for each kind.

import { get } from '../api.js';
import { el, put } from '../dom.js';
import { count, modelNames, percent, words } from '../format.js';
import { amount, panel } from '../ui.js';

const SHOWN = 6;

// sums are kept by each of these, and not by two of them
const APART = ['end_user', 'session', 'tag'];

const LISTS = [
  ['customer', 'Customers', 'No call belonged to a customer.'],
  ['team', 'Teams', 'No call belonged to a team.'],
  ['virtual_key', 'Virtual keys', 'No virtual key was used.'],
  ['model', 'Models', 'No model was used.'],
  ['end_user', 'End users', 'No client said who its user is '
    + '(metadata.user_id, user).'],
  ['tag', 'Tags', 'No call had tags (header x-llm-tags).'],
];

// a bar behind the numbers, drawn by width alone
function share(part) {
  const bar = el('span', { class: 'share', 'aria-hidden': 'true' });

  bar.style.setProperty('--part', String(Math.min(1, Math.max(0, part))));
  return bar;
}

function rows(dimension, list, whole, narrow) {
  const names = dimension === 'model'
    ? modelNames(list.map((row) => row.model)) : new Map();

  return list.map((row) => {
    const name = row[dimension];
    const part = whole > 0 ? row.cost / whole : 0;

    return el('tr', {},
      el('th', { scope: 'row' }, share(part), el('button', {
        type: 'button', class: 'plain', title: `Only ${name}`,
        onclick: () => narrow(dimension, name),
      }, names.get(name) ?? name)),
      el('td', { class: 'right muted wide' }, count(row.requests)),
      el('td', { class: 'right' }, amount(row.cost)),
      el('td', { class: 'right muted' }, percent(part)));
  });
}

export function topLists(narrow) {
  const places = new Map(LISTS.map(([name]) => [name, el('div')]));
  const node = el('div', { class: 'grid three' }, LISTS.map(
    ([name, text]) => panel(text, places.get(name))));

  node.hidden = true;

  const draw = (name, list, whole, hint) => {
    const named = list.filter((row) => row[name]).slice(0, SHOWN);

    put(places.get(name), named.length
      ? el('table', { class: 'top-list' },
        el('thead', { class: 'unseen' }, el('tr', {},
          ['Name', 'Requests', 'Spend', 'Share'].map((text) => el('th', {
            scope: 'col',
          }, text)))),
        el('tbody', {}, rows(name, named, whole, narrow)))
      : el('p', { class: 'muted' }, hint));
  };

  return {
    node,
    clear() {
      node.hidden = true;
    },
    async load(question, whole, signal, current) {
      await Promise.all(LISTS.map(async ([name, , hint]) => {
        const other = APART.includes(name)
          && APART.find((one) => one !== name && question[one]);

        if (other) {
          draw(name, [], whole, `Not known for one ${words(other)} alone.`);
          return;
        }

        const found = await get('spend', {
          ...question, group_by: name, sort: 'cost', limit: SHOWN + 1,
        }, signal);

        if (current()) {
          draw(name, found.rows, whole, hint);
        }
      }));

      node.hidden = false;
    },
  };
}
