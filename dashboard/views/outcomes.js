// How well calls went over time: error rate and answer time.

import { Chart, swatch } from '../charts.js';
import { el, put } from '../dom.js';
import { axisDuration, duration, percent } from '../format.js';
import { empty, panel } from '../ui.js';

function chart(name, format, tickFormat, least = 0) {
  return new Chart({
    kind: 'lines', name, format, tickFormat, least, height: 150,
  });
}

function key(series) {
  return el('p', { class: 'key' }, series.map((one) => el('span', {},
    swatch(one), ` ${one.name}`)));
}

export function outcomes() {
  const errors = chart('Error rate over time', percent, percent, 0.04);
  const latency = chart('Answer time over time', duration, axisDuration);
  const places = [el('div'), el('div')];
  const node = el('div', { class: 'grid two' },
    panel('Errors', places[0]), panel('Answer time', places[1]));

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

      if (!rows.length) {
        places.forEach((place) => put(place,
          empty('No requests in this time')));
        return;
      }

      const rate = [line('error rate', 'bad', (row) => row.error_rate)];
      const time = [
        line('p95', 2, (row) => row.latency_ms?.p95, true),
        line('p50', 1, (row) => row.latency_ms?.p50)];

      put(places[0], key(rate), errors.node);
      put(places[1], key(time), latency.node);
      errors.draw({ times, interval, series: rate });
      latency.draw({ times, interval, series: time });
    },
  };
}
