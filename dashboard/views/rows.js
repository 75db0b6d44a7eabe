// A request as a row of the table.

import { el } from '../dom.js';
import { callCost, count, duration, modelName, moment, NONE, short, words }
  from '../format.js';
import { amount, mark, when } from '../ui.js';

export const COLUMNS = [
  ['Time', 'time'], ['Key'], ['Model', null, 'roomy'], ['Result'],
  ['Tokens', 'tokens', 'right wide'], ['Cost', 'cost', 'right cost'],
  ['Answer', 'latency', 'right roomy'],
];

// how a request went, in a word or two
export function result(row) {
  const kind = row.refusal ? 'off'
    : row.error === null || row.error === undefined ? 'good'
      : row.status >= 500 || row.error === 'gateway_died' ? 'bad' : 'warn';

  const said = row.refusal ? `refused: ${words(row.refusal)}`
    : row.error ? words(row.error) : 'ok';

  return { kind, said, status: row.status ? String(row.status) : 'left' };
}

function tokens(row) {
  const { input, output, cache_read: read, cache_write_5m: five,
    cache_write_1h: hour } = row.tokens;

  return el('span', {
    title: `${count(input)} input, ${count(read)} cache read, `
      + `${count(five + hour)} cache write, ${count(output)} output`,
  }, `${short(input + read + five + hour)} → ${short(output)}`);
}

function two(first, second, attributes = {}) {
  return el('td', attributes, el('span', { class: 'first-line' }, first),
    el('span', { class: 'second-line' }, second));
}

export function requestRow(row, hash, fresh = false) {
  const { kind, said, status } = result(row);
  const at = Date.parse(row.time);
  const attempts = row.attempts?.length ?? 0;
  const estimated = row.price !== 'exact' ? ` ${row.price}` : '';

  return el('tr', { 'data-id': row.id, class: fresh ? 'fresh' : null },
    el('th', { scope: 'row' }, el('a', {
      href: hash('requests', {}, row.id), 'data-key': row.id,
    }, when(row.time, moment(at)))),
    two(row.virtual_key ?? 'no key', row.team ?? row.customer ?? '',
      { class: 'clip' }),
    two(modelName(row.model ?? row.model_asked),
      [row.provider ?? '', row.region ? ` · ${row.region}` : ''],
      { class: 'clip roomy', title: row.model ?? row.model_asked }),
    two(mark(kind, status), [said, attempts > 1 && `, ${attempts} attempts`],
      { class: 'result' }),
    el('td', { class: 'right wide' }, row.tokens ? tokens(row) : NONE),
    el('td', { class: 'right cost' },
      amount(row.cost, callCost(row.cost)),
      estimated && el('span', { class: 'second-line' }, estimated)),
    two(duration(row.latency_ms), row.first_token_ms === null
      || row.first_token_ms === undefined ? ''
      : `first ${duration(row.first_token_ms)}`, { class: 'right roomy' }));
}
