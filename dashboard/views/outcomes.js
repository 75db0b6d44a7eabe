// How well calls went over time: error rate and answer time.

import { asTable, Chart, swatch } from '../charts.js';
import { el, put } from '../dom.js';
import { axisDuration, axisPercent, duration, percent } from '../format.js';
import { panel } from '../ui.js';

function chart(name, format, tickFormat, least = 0) {
  return new Chart({
    kind: 'lines', name, format, tickFormat, least, height: 150,
  });
}

function key(series) {
  return el('p', { class: 'key' }, series.map((one) => el('span', {},
    swatch(one), ` ${one.name}`)));
}

// a panel for lines of one kind
class Lines {
  constructor(title, drawn, cell) {
    Object.assign(this, { drawn, cell, above: el('div'), under: el('div') });
    this.node = panel(title, this.above, drawn.node, this.under);
  }

  draw(times, interval, series) {
    const open = this.under.querySelector('details')?.open;

    put(this.above, key(series));
    this.drawn.draw({ times, interval, series });
    put(this.under, asTable(this.drawn, this.cell, open));
  }
}

export function outcomes() {
  const errors = new Lines('Errors', chart('Error rate over time', percent,
    axisPercent, 0.04), percent);
  const latency = new Lines('Answer time', chart('Answer time over time',
    duration, axisDuration), duration);
  const node = el('div', { class: 'grid two' }, errors.node, latency.node);

  node.hidden = true;

  return {
    node,
    clear() {
      node.hidden = true;
    },
    draw(rows, times, interval) {
      const found = new Map(rows.map((row) => [Date.parse(row.time), row]));
      const pick = (value) => times.map((time) => {
        const row = found.get(time);
        return row && row.requests > 0 ? value(row) ?? null : null;
      });
      const line = (name, colour, value, dashed = false) => ({
        name, colour, dashed, line: true, values: pick(value),
      });

      node.hidden = false;
      errors.draw(times, interval,
        [line('error rate', 'bad', (row) => row.error_rate)]);
      latency.draw(times, interval, [
        line('p95', 2, (row) => row.latency_ms?.p95, true),
        line('p50', 1, (row) => row.latency_ms?.p50)]);
    },
  };
}
