// Charts over time in SVG: stacked bars and lines.  With the pointer or the
// arrow keys one point after the other is read out; Enter opens it.

import { el, put, svg } from './dom.js';
import { label, tick } from './time.js';
import { scroller } from './ui.js';

const RIGHT = 8;
const TOP = 10;
const BOTTOM = 24;

// steps of 1, 2, 5 times a power of ten up to the greatest value
export function scale(most, lines = 4) {
  if (!(most > 0)) {
    return { top: 1, ticks: [0] };
  }

  const raw = most / lines;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((n) => n * power >= raw) * power;
  const ticks = [];

  for (let n = 0; n * step < most + step * 0.999; n += 1) {
    ticks.push(n * step);
  }

  return { top: ticks[ticks.length - 1], ticks };
}

function round(value) {
  return Math.round(value * 10) / 10;
}

export class Chart {
  // kind: "bars" or "lines"; open(index) is called by click and Enter; the
  // scale reaches to `least`
  constructor({ kind, name, height = 220, format, tickFormat, open,
    least = 0 }) {
    Object.assign(this, { kind, height, format, open, least });
    this.tickFormat = tickFormat ?? format;
    this.index = null;
    this.data = null;
    this.plot = el('div', { class: 'plot' });
    this.tip = el('div', { class: 'tip', role: 'status', hidden: true });
    this.node = el('div', {
      class: 'chart', tabindex: '0', role: 'group',
      'aria-roledescription': 'chart', 'aria-label': name,
    }, this.plot, this.tip);
    this.node.style.setProperty('--height', `${height}px`);
    this.name = name;
    this.listen();
  }

  listen() {
    const { node } = this;

    node.addEventListener('keydown', (event) => this.key(event));
    node.addEventListener('pointermove', (event) => this.point(event));
    node.addEventListener('blur', () => this.select(null));

    // a finger leaves with every tap: what it has chosen stays, and is read

    node.addEventListener('pointerleave', (event) => {
      if (event.pointerType !== 'touch') {
        this.select(null);
      }
    });

    node.addEventListener('click', (event) => {
      this.point(event);

      if (event.pointerType !== 'touch') {
        this.enter();
      }
    });

    new ResizeObserver(() => {
      if (this.data && this.width !== this.node.clientWidth) {
        this.render();
      }
    }).observe(node);
  }

  enter() {
    if (this.index !== null && this.open) {
      this.open(this.index);
    }
  }

  key(event) {
    const last = (this.data?.times.length ?? 0) - 1;
    const to = {
      ArrowLeft: (this.index ?? last + 1) - 1,
      ArrowRight: (this.index ?? -1) + 1,
      Home: 0,
      End: last,
    }[event.key];

    if (last >= 0 && to !== undefined) {
      event.preventDefault();
      this.select(Math.min(last, Math.max(0, to)));
    } else if (event.key === 'Enter') {
      this.enter();
    } else if (event.key === 'Escape') {
      this.select(null);
    }
  }

  point(event) {
    if (!this.data?.times.length) {
      return;
    }

    const { left } = this.node.getBoundingClientRect();
    const x = event.clientX - left - this.left;
    const index = Math.floor(x / this.step);

    this.select(x < 0 || index >= this.data.times.length ? null : index);
  }

  // {times, interval, series: [{name, colour, values}]}; a value of null is
  // a gap in a line
  draw(data) {
    this.data = data;

    if (this.index !== null && this.index >= data.times.length) {
      this.index = null;
    }

    this.node.setAttribute('aria-label', `${this.name}. `
      + `${data.series.map((one) => one.name).join(', ')}. `
      + `Arrow keys read values${this.open ? ', Enter opens one' : ''}.`);
    this.render();
  }

  render() {
    const { times } = this.data;

    this.width = this.node.clientWidth || 640;
    this.scale = scale(this.most());
    this.left = 14 + Math.max(...this.scale.ticks.map(
      (value) => 7 * this.tick(value).length));
    this.step = (this.width - this.left - RIGHT) / Math.max(1, times.length);

    const root = svg('svg', {
      width: this.width, height: this.height, 'aria-hidden': 'true',
      viewBox: `0 0 ${this.width} ${this.height}`,
    });

    this.cursor = svg('rect', {
      class: 'cursor', y: TOP, height: this.height - TOP - BOTTOM,
      width: round(this.step), visibility: 'hidden',
    });

    root.append(this.cursor, ...this.axes(),
      ...(this.kind === 'bars' ? this.bars() : this.lines()));
    put(this.plot, root);
    this.select(this.index);
  }

  most() {
    const { times, series } = this.data;

    return times.reduce((most, _, i) => {
      const values = series.map((one) => one.values[i] ?? 0);
      const here = this.kind === 'bars'
        ? values.reduce((sum, value) => sum + value, 0)
        : Math.max(0, ...values);

      return Math.max(most, here);
    }, this.least);
  }

  // with as many places as all of them need
  tick(value) {
    return this.tickFormat(value, this.scale.ticks[1] ?? 1);
  }

  x(i) {
    return this.left + i * this.step;
  }

  y(value) {
    const inner = this.height - TOP - BOTTOM;
    return TOP + inner - inner * value / this.scale.top;
  }

  axes() {
    const { times, interval } = this.data;
    const every = Math.max(1, Math.ceil(64 / this.step));
    const found = this.scale.ticks.flatMap((value) => [
      svg('line', {
        class: value === 0 ? 'base' : 'rule', x1: this.left,
        x2: this.width - RIGHT, y1: round(this.y(value)),
        y2: round(this.y(value)),
      }),
      svg('text', {
        class: 'tick', x: this.left - 8, y: round(this.y(value)) + 4,
        'text-anchor': 'end',
      }, this.tick(value)),
    ]);

    const nice = this.spacing(every);

    times.forEach((time, i) => {
      const at = new Date(time);
      const place = interval === 'hour' ? Math.floor(time / 3600000)
        : interval === 'minute' ? at.getUTCMinutes() + 60 * at.getUTCHours()
          : i;

      if (place % nice === 0) {
        const x = Math.min(this.x(i + 0.5), this.width - 24);
        found.push(svg('text', {
          class: 'tick', x: round(Math.max(x, this.left)), y: this.height - 6,
          'text-anchor': 'middle',
        }, tick(time, nice >= 24 && interval === 'hour' ? 'day'
          : interval)));
      }
    });

    return found;
  }

  // hours and minutes at which people look at a clock
  spacing(every) {
    const { times, interval } = this.data;
    const steps = {
      minute: [1, 2, 5, 10, 15, 30, 60, 120, 360],
      hour: times.length > 72 ? [24, 48, 168] : [1, 2, 3, 6, 12, 24, 48],
    }[interval] ?? [];

    return steps.find((n) => n >= every) ?? every;
  }

  bars() {
    const { times, series } = this.data;
    const gap = this.step > 6 ? Math.min(this.step * 0.25, 8) : 0.5;

    return series.map((one, n) => {
      let path = '';

      times.forEach((_, i) => {
        const value = one.values[i] ?? 0;

        if (value <= 0) {
          return;
        }

        const under = series.slice(0, n)
          .reduce((sum, other) => sum + (other.values[i] ?? 0), 0);
        const low = this.y(under);
        const height = Math.max(low - this.y(under + value) - 0.5, 0.5);

        path += `M${round(this.x(i) + gap / 2)} ${round(low)}`
          + `v${-round(height)}h${round(this.step - gap)}`
          + `v${round(height)}z`;
      });

      return svg('path', { d: path, class: `fill-${one.colour}` });
    });
  }

  lines() {
    const { times, series } = this.data;

    return series.flatMap((one) => {
      const dots = [];
      let path = '';
      let pen = false;

      times.forEach((_, i) => {
        const value = one.values[i];

        if (value === null || value === undefined) {
          pen = false;
          return;
        }

        const x = round(this.x(i + 0.5));
        const y = round(this.y(value));

        path += `${pen ? 'L' : 'M'}${x} ${y}`;

        if (!pen && (one.values[i + 1] ?? null) === null) {
          dots.push(svg('circle', {
            cx: x, cy: y, r: 2, class: `fill-${one.colour}`,
          }));
        }

        pen = true;
      });

      return [svg('path', {
        d: path, class: `line line-${one.colour}`,
        'stroke-dasharray': one.dashed ? '5 3' : null,
      }), ...dots];
    });
  }

  select(index) {
    this.index = index;

    if (index === null || !this.data) {
      this.tip.hidden = true;
      this.cursor?.setAttribute('visibility', 'hidden');
      return;
    }

    const { times, interval, series } = this.data;
    const rows = series.filter((one) => (one.values[index] ?? null) !== null
      && (this.kind === 'lines' || one.values[index] > 0));

    this.cursor.setAttribute('x', round(this.x(index)));
    this.cursor.setAttribute('visibility', 'visible');
    put(this.tip,
      el('p', {}, label(times[index], interval)),
      this.total(index),
      rows.toReversed().map((one) => el('p', { class: 'tip-row' },
        swatch(one), el('span', {}, one.name),
        el('b', {}, this.format(one.values[index])))),
      !rows.length && el('p', { class: 'muted' }, 'nothing'));

    this.tip.hidden = false;
    this.place(index);
  }

  total(index) {
    const { series } = this.data;

    const sum = series.reduce((all, one) => all + (one.values[index] ?? 0),
      0);

    return this.kind === 'bars' && series.length > 1 && sum > 0
      && el('p', { class: 'tip-row' }, el('span', {}, 'Total'),
        el('b', {}, this.format(sum)));
  }

  // beside the bar, on the side that has room
  place(index) {
    const width = this.tip.offsetWidth;
    const after = this.x(index + 1) + 8;
    const left = after + width <= this.width ? after
      : this.x(index) - width - 8;

    this.tip.style.setProperty('left',
      `${Math.max(0, Math.min(left, this.width - width))}px`);
  }
}

// what a chart shows, for those who would rather read, the latest first
export function asTable({ name, kind, data }, cell, open = false) {
  const { times, interval, series } = data;
  const said = (value) => (kind === 'bars' ? value > 0
    : (value ?? null) !== null);
  const used = times.map((_, i) => i)
    .filter((i) => series.some((one) => said(one.values[i]))).reverse();

  return el('details', { class: 'as-table', open },
    el('summary', { 'data-key': `table ${name}` }, 'Show as a table'),
    scroller(name, el('table', {},
      el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, 'Time'),
        series.map((one) => el('th', { scope: 'col', class: 'right' },
          one.name)))),
      el('tbody', {}, used.map((i) => el('tr', {},
        el('th', { scope: 'row' }, label(times[i], interval)),
        series.map((one) => el('td', { class: 'right' },
          cell(one.values[i])))))))));
}

export function swatch(series) {
  return svg('svg', {
    class: 'swatch', width: 12, height: 12, 'aria-hidden': 'true',
  }, series.line
    ? svg('path', {
      d: 'M0 6h12', class: `line line-${series.colour}`,
      'stroke-dasharray': series.dashed ? '5 2' : null,
    })
    : svg('rect', {
      width: 12, height: 12, rx: 2, class: `fill-${series.colour}`,
    }));
}
