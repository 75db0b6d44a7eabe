// The request log: as it happens, and back into the past.

import { get, link } from '../api.js';
import { el, put } from '../dom.js';
import { only } from '../filters.js';
import { count } from '../format.js';
import { Live } from '../live.js';
import { periodChooser } from '../period.js';
import { empty, heading, loading, problem, scroller } from '../ui.js';
import { FilterForm } from './filterform.js';
import { COLUMNS, requestRow } from './rows.js';

export const title = 'Requests';

const PAGE = 50;
const CSV_ROWS = 1000;
const KEPT = 500;
const DRAW_MS = 200;
const RETRY_MS = 5000;

// periods that end now, so that new rows belong to them
const OPEN_END = /^(\d+[smhdw]|today|this_\w+)$/;

class Requests {
  constructor(root, context) {
    this.context = context;
    this.waiting = [];
    this.paused = false;
    this.controls = el('div', { class: 'controls' });
    this.state = el('span', { class: 'live', role: 'status' });
    this.pause = el('button', { type: 'button', onclick: () => this.hold() });
    this.csv = el('a', { class: 'button', download: 'requests.csv' }, 'CSV');
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

    root.append(heading('Requests', this.controls), this.form.node,
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
    put(this.controls, periodChooser(params, (changes) => this.context.go(
      { ...params, ...changes }), true));
    this.csv.href = link('logs', { ...params, limit: CSV_ROWS,
      format: 'csv' });
    this.csv.title = `The newest ${count(CSV_ROWS)} rows that match`;
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
      type: 'button', class: 'plain',
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

  async begin() {
    const turn = this.turn = {};

    this.waiting = [];
    this.next = null;
    this.until = null;
    this.room = KEPT;
    this.say();
    this.table.setAttribute('aria-busy', 'true');

    if (!this.body.children.length) {
      put(this.message, loading());
    }

    put(this.more);

    try {
      const page = await this.page(null);

      if (this.turn !== turn) {
        return;
      }

      put(this.body, page.logs.map((row) => this.row(row)));
      this.newest = page.logs.reduce((seq, row) => Math.max(seq, row.seq),
        -1);
      this.paged(page);

      if (this.follows) {
        this.follow();
      }
    } catch (error) {
      this.failed(error, turn);
    }

    this.table.removeAttribute('aria-busy');
  }

  page(cursor) {
    const { until, params } = this;

    return get('logs', { ...params, to: params.to ?? until, limit: PAGE,
      cursor }, this.context.signal);
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
      const page = await this.page(this.next);

      if (this.turn !== turn) {
        return;
      }

      const from = this.body.children.length;

      this.room += page.logs.length;
      this.body.append(...page.logs.filter((row) => !this.has(row))
        .map((row) => this.row(row)));
      this.paged(page);
      this.body.children[from]?.querySelector('a').focus();
    } catch (error) {
      if (!this.context.signal.aborted && this.turn === turn) {
        button.disabled = false;
        put(this.message, problem(error));
      }
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
      state: (name, transport) => this.say(name, transport),
    });
    this.live.start(this.newest >= 0 ? this.newest : null);
  }

  arrived(data) {
    if (data.type === 'hello' && this.newest < 0 && data.seq > 0) {
      this.catchUp();
    }

    if (data.type === 'request' && data.log) {
      this.waiting.push(data.log);
      this.waiting.splice(0, this.waiting.length - KEPT);
      this.schedule();
    }
  }

  // none was there to go on from, and some may have come since
  async catchUp() {
    const { turn } = this;
    const page = await this.page(null).catch(() => null);

    if (page?.logs.length && this.turn === turn) {
      this.waiting.unshift(...page.logs.reverse());
      this.schedule();
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

  has(row) {
    return this.body.querySelector(`[data-id="${CSS.escape(row.id)}"]`);
  }

  // new rows on top
  draw() {
    if (this.paused || !this.waiting.length) {
      return;
    }

    const rows = this.waiting.splice(0)
      .filter((row) => !this.has(row))
      .map((row) => this.row(row, true)).reverse();

    this.body.prepend(...rows);
    put(this.message);
    this.forget();
  }

  // rows at the end leave, but what was asked for and what has the focus; they
  // are found again by the time of the last one that stays
  forget() {
    const { body } = this;

    if (body.children.length <= this.room) {
      return;
    }

    while (body.children.length > this.room
           && !body.lastElementChild.contains(document.activeElement)) {
      body.lastElementChild.remove();
    }

    const last = Date.parse(body.lastElementChild.querySelector('time')
      .dateTime);

    this.until = new Date(last + 1).toISOString();
    this.next = '';
    this.offer({});
  }

  say(name = null, transport = null) {
    this.said = name;
    this.transport = transport;
    this.pause.hidden = !this.follows;

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
    if (!event.target.closest('a') && getSelection().isCollapsed) {
      event.target.closest('tr')?.querySelector('a').click();
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
