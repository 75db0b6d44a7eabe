// Intervals of time, as the API cuts them: UTC, weeks from Monday on.

import { clock, day, month } from './format.js';

export const MINUTE = 60000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const FIXED = { minute: MINUTE, hour: HOUR, day: DAY };

export const PERIODS = [
  ['1h', 'Last hour', 'minute'],
  ['24h', 'Last 24 hours', 'hour'],
  ['7d', 'Last 7 days', 'hour'],
  ['30d', 'Last 30 days', 'day'],
  ['365d', 'Last 12 months', 'month'],
  ['today', 'Today', 'hour'],
  ['yesterday', 'Yesterday', 'hour'],
  ['this_week', 'This week', 'day'],
  ['last_week', 'Last week', 'day'],
  ['this_month', 'This month', 'day'],
  ['last_month', 'Last month', 'day'],
];

export function floor(ms, interval) {
  const at = new Date(ms);

  if (interval === 'month') {
    return Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), 1);
  }

  if (interval === 'week') {
    const midnight = ms - ms % DAY;
    return midnight - ((at.getUTCDay() + 6) % 7) * DAY;
  }

  return ms - ms % FIXED[interval];
}

export function next(ms, interval) {
  const at = new Date(ms);

  if (interval === 'month') {
    return Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 1);
  }

  return ms + (interval === 'week' ? 7 * DAY : FIXED[interval]);
}

// the beginnings of all intervals of a range, at most `most`, the last ones
export function buckets(from, to, interval, most = 750) {
  const found = [];

  for (let at = floor(from, interval); at < to; at = next(at, interval)) {
    found.push(at);

    if (found.length > 100000) {
      break;
    }
  }

  return found.slice(-most);
}

// on the axis; the day is said where it begins
export function tick(ms, interval) {
  if (interval === 'month') {
    return month(ms);
  }

  if (interval === 'day' || interval === 'week' || ms % DAY === 0) {
    return day(ms);
  }

  return clock(ms, false);
}

// in words
export function label(ms, interval) {
  switch (interval) {
  case 'month':
    return month(ms);
  case 'week':
    return `Week of ${day(ms, true)}`;
  case 'day':
    return day(ms, true);
  default:
    return `${day(ms)}, ${clock(ms, false)}–`
      + clock(next(ms, interval), false);
  }
}

// an interval that a range is well drawn by
export function suited(period, span, width) {
  const known = PERIODS.find(([name]) => name === period);
  let interval = known ? known[2]
    : span <= 3 * HOUR ? 'minute'
      : span <= 8 * DAY ? 'hour'
        : span <= 100 * DAY ? 'day' : 'month';

  if (interval === 'hour' && span > 2 * DAY && width < 700) {
    interval = 'day';
  }

  return interval;
}
