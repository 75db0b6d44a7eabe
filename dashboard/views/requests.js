// The request log: as it happens, and back into the past.

import { get, link } from '../api.js';
import { el, put } from '../dom.js';
import { only } from '../filters.js';
import { count } from '../format.js';
import { Live } from '../live.js';
import { PeriodChooser } from '../period.js';
import { empty, heading, loading, problem, scroller } from '../ui.js';
import { FilterForm } from './filterform.js';
import { COLUMNS, requestRow } from './rows.js';

export const title = 'Requests';

const PAGE = 50;
const MOST = 1000;
const KEPT = 500;
const DRAW_MS = 200;
const RETRY_MS = 5000;
const OUT_OF_ORDER_MS = 61000;

// periods that end now, so that new rows belong to them
const OPEN_END = /^(\d+[smhdw]|today|this_\w+)$/;

// the row that was opened last, to go back to
let opened = null;

class Requests {
  constructor(root, context) {
    this.context = context;
    this.waiting = [];
    this.paused = false;
    this.period = new PeriodChooser((changes) => this.context.go(
      { ...this.params, ...changes }), true);
    this.state = el('span', { class: 'live', role: 'status' });
    this.pause = el('button', { type: 'button', onclick: () => this.hold() });
    this.csv = el('a', { class: 'button', download: 'requests.csv' },
      `CSV, first ${count(MOST)}`);
    this.body = el('tbody', {
      onkeydown: (event) => this.walk(event),
      onclick: (event) => this.pick(event),
    });
    this.head = el('tr');
    this.table = scroller('Requests', el('table', { class: 'requests' },
      el('thead', {}, this.head), this.body));
    this.message = el('div');
    this.more = el('p', { class: 'more' });
    this.form = new FilterForm(context.params,
      (filters) => this.change(filters));

    root.append(heading('Requests', this.period.node), this.form.node,
      el('div', { class: 'bar' }, this.state, this.pause, this.csv),
      el('section', { class: 'panel flush' }, this.table, this.message,
        this.more));

    context.signal.addEventListener('abort', () => this.stop());
    this.update(context);
  }

  // the filters are new, period and order stay
  change(filters) {
    const { period, from, to, sort, order } = this.params;

    this.context.go({ ...filters, period, from, to, sort, order });
  }

  update({ params }) {
    this.stop();
    this.params = params;
    this.form.set(params);
    this.period.set(params);
    this.csv.href = link('logs', { ...params, limit: MOST, format: 'csv' });
    put(this.head, COLUMNS.map((column) => this.column(column)));
    this.begin();
  }

  column([name, sort, more]) {
    if (!sort) {
      return el('th', { scope: 'col', class: more }, name);
    }

    const { sort: by = 'time', order = 'desc' } = this.params;
    const own = by === sort;
    const turned = own && order === 'desc' ? 'asc' : 'desc';

    return el('th', {
      scope: 'col', class: more,
      'aria-sort': own ? (order === 'asc' ? 'ascending' : 'descending')
        : 'none',
    }, el('button', {
      type: 'button', class: 'plain', 'data-key': sort,
      onclick: () => this.context.go({
        ...this.params, sort: sort === 'time' ? null : sort,
        order: turned === 'desc' ? null : turned,
      }),
    }, name, el('span', { 'aria-hidden': 'true' },
      own ? (order === 'asc' ? ' ↑' : ' ↓') : '')));
  }

  get follows() {
    const { sort, order, to, period } = this.params;

    return (!sort || sort === 'time') && order !== 'asc' && !to
      && (!period || OPEN_END.test(period));
  }

  get key() {
    return JSON.stringify(this.params);
  }

  async begin() {
    const turn = this.turn = {};
    const back = opened?.key === this.key ? opened : null;
    const limit = back ? Math.min(Math.max(back.rows, PAGE), MOST) : PAGE;

    opened = null;
    this.waiting = [];
    this.missed = false;
    this.next = null;
    this.until = null;
    this.room = Math.max(KEPT, limit);
    this.say();
    this.table.setAttribute('aria-busy', 'true');

    if (!this.body.children.length) {
      put(this.message, loading());
    }

    put(this.more);

    try {
      const page = await this.page(null, limit);

      if (this.turn !== turn) {
        return;
      }

      put(this.body, page.logs.map((row) => this.row(row)));
      this.newest = page.logs.reduce((seq, row) => Math.max(seq, row.seq),
        -1);
      this.paged(page);

      if (back) {
        this.body.querySelector(`[data-id="${CSS.escape(back.id)}"] a`)
          ?.focus();
      }

      if (this.follows) {
        this.follow();
      }
    } catch (error) {
      this.failed(error, turn);
    }

    this.table.removeAttribute('aria-busy');
  }

  page(cursor, limit = PAGE) {
    const { until, params } = this;

    return get('logs', { ...params, to: params.to ?? until, limit, cursor },
      this.context.signal);
  }

  failed(error, turn) {
    if (this.context.signal.aborted || this.turn !== turn) {
      return;
    }

    put(this.body);
    put(this.more);
    this.say('failed');

    if (error.status === 400) {
      this.form.complain(error);
      put(this.message, empty('No requests are shown', error.help));
      return;
    }

    put(this.message, problem(error, () => this.begin()));

    if (error.passing) {
      this.timer = setTimeout(() => this.begin(), RETRY_MS);
    } else if (!error.help) {
      throw error;
    }
  }

  paged(page) {
    this.next = page.next;
    put(this.message, !this.body.children.length && this.nothing(page));
    this.offer(page);
  }

  // a way into the past; a cursor of "" begins where the rows end
  offer(page) {
    put(this.more,
      this.next !== null && el('button', {
        type: 'button', onclick: (event) => this.older(event.currentTarget),
      }, page.complete === false ? 'Look further into the past' : 'Older'),
      page.complete === false && el('span', { class: 'muted' },
        `${count(page.scanned)} rows were looked at so far.`));
  }

  nothing(page) {
    if (page.next) {
      return empty('No request found yet', 'There are older ones to look at.');
    }

    return Object.keys(only(this.params)).length || this.params.period
      ? empty('No request matches', 'Take a filter away or choose a longer '
        + 'period.')
      : empty('No request has come yet', 'They appear here as they end. '
        + 'README.md has a first call to copy.');
  }

  async older(button) {
    const { turn } = this;

    button.disabled = true;

    try {
      const page = await this.unseen();

      if (this.turn !== turn) {
        return;
      }

      const from = this.body.children.length;

      this.room += page.logs.length;
      this.body.append(...page.logs.map((row) => this.row(row)));
      this.paged(page);
      this.body.children[from]?.querySelector('a').focus();
    } catch (error) {
      if (!this.context.signal.aborted && this.turn === turn) {
        button.disabled = false;
        put(this.message, problem(error));
      }
    }
  }

  // the next page that has rows which are not in the table
  async unseen() {
    const known = this.shown();
    let limit = PAGE;
    let { next } = this;

    for (;;) {
      const page = await this.page(next, limit);
      const logs = page.logs.filter((row) => !known.has(row.id));

      if (logs.length || page.next === null || page.complete === false) {
        return { ...page, logs };
      }

      next = page.next;
      limit = MOST;
    }
  }

  row(row, fresh = false) {
    return requestRow(row, this.context.hash, fresh);
  }

  follow() {
    const { sort, order, period, from, to, ...filters } = this.params;

    this.live = new Live({
      params: { ...filters, types: 'request' },
      message: (data) => this.arrived(data),
      state: (name, transport) => {
        this.say(name, transport);

        if (name === 'waiting') {
          this.catchUp();
        }
      },
    });
    this.live.start(this.newest >= 0 ? this.newest : null);
  }

  arrived(data) {
    if (data.type === 'hello' && this.newest < 0 && data.seq > 0) {
      this.catchUp();
    }

    if (data.type === 'request' && data.log) {
      this.take([data.log]);
    }
  }

  // of more than can be kept the oldest go, and all rows before them
  take(rows) {
    this.waiting.push(...rows);
    this.missed ||= this.waiting.length > KEPT;
    this.waiting.splice(0, this.waiting.length - KEPT);
    this.schedule();
  }

  // what has come since, where nobody tells
  async catchUp() {
    const { turn } = this;
    const page = await get('logs', { ...this.params, limit: PAGE },
      this.context.signal).catch(() => null);

    if (!page || this.turn !== turn) {
      return;
    }

    const known = this.shown(this.waiting);
    const fresh = page.logs.filter((row) => !known.has(row.id));

    if (fresh.length) {
      this.missed ||= known.size > 0 && fresh.length === PAGE;
      this.take(fresh);
    }
  }

  schedule() {
    if (this.paused) {
      this.say(this.said, this.transport);
      return;
    }

    this.drawing ??= setTimeout(() => {
      this.drawing = null;
      this.draw();
    }, DRAW_MS);
  }

  // the ids of all rows in the table, and of some more
  shown(more = []) {
    return new Set([...this.body.children].map((one) => one.dataset.id)
      .concat(more.map((row) => row.id)));
  }

  // new rows on top
  draw() {
    if (this.paused || !this.waiting.length) {
      return;
    }

    if (this.missed) {
      put(this.body);
      this.room = KEPT;
    }

    const known = this.shown();

    this.body.prepend(...this.waiting.splice(0)
      .filter((row) => !known.has(row.id))
      .sort((a, b) => b.seq - a.seq).map((row) => this.row(row, true)));
    put(this.message);
    this.forget();
  }

  // rows at the end leave, but what was asked for and what has the focus
  forget() {
    const { body, missed } = this;
    const before = body.children.length;

    while (body.children.length > this.room
           && !body.lastElementChild.contains(document.activeElement)) {
      body.lastElementChild.remove();
    }

    this.missed = false;

    if (missed || body.children.length < before) {
      this.reopen();
    }
  }

  // they are found again by the time of the last one that stays; the log is not
  // quite in the order of time, as workers take turns to be written
  reopen() {
    const last = Date.parse(this.body.lastElementChild.querySelector('time')
      .dateTime);

    this.until = new Date(last + OUT_OF_ORDER_MS).toISOString();
    this.next = '';
    this.offer({});
  }

  say(name = null, transport = null) {
    this.said = name;
    this.transport = transport;
    this.csv.hidden = name === 'failed';
    this.pause.hidden = !this.follows || this.csv.hidden;

    const n = this.waiting.length;

    put(this.pause, !this.paused ? 'Pause'
      : n ? `Resume, ${count(n)} new` : 'Resume');

    const text = !this.follows ? 'Not live: this period or order has an end'
      : this.paused ? 'Paused'
        : { connecting: 'Connecting…',
          waiting: 'Not connected, trying again',
          failed: 'Not live',
          live: transport === 'events' ? 'Live (events)' : 'Live',
        }[name] ?? 'Loading…';

    this.state.dataset.state = this.paused ? 'paused' : name ?? 'off';

    if (this.state.textContent !== text) {
      put(this.state, text);
    }
  }

  hold() {
    this.paused = !this.paused;
    this.draw();
    this.say(this.said, this.transport);
  }

  // the whole row leads to the request, for the pointer
  pick(event) {
    const row = event.target.closest('tr');

    if (event.target.closest('a')) {
      opened = { key: this.key, id: row.dataset.id,
        rows: this.body.children.length };
    } else if (row && getSelection().isCollapsed) {
      row.querySelector('a').click();
    }
  }

  // up and down through the rows
  walk(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const row = event.target.closest('tr');

    if (step && row) {
      const to = step > 0 ? row.nextElementSibling
        : row.previousElementSibling;

      event.preventDefault();
      to?.querySelector('a').focus();
    }
  }

  stop() {
    clearTimeout(this.timer);
    clearTimeout(this.drawing);
    this.drawing = null;
    this.turn = null;
    this.live?.stop();
    this.live = null;
  }
}

export function open(root, context) {
  return new Requests(root, context);
}
