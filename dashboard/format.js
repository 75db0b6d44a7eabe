// How numbers, money and times are written.  Times are UTC, as limits and
// reports of the gateway are.

const grouped = new Intl.NumberFormat('en-US');

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep',
  'Oct', 'Nov', 'Dec'];

export const NONE = '–';

export function known(value) {
  return value !== null && value !== undefined && Number.isFinite(value);
}

function dollars(value, places) {
  const [whole, rest] = Math.abs(value).toFixed(places).split('.');
  const sign = value < 0 && Number(value.toFixed(places)) !== 0 ? '−' : '';

  return `${sign}$${grouped.format(BigInt(whole))}.${rest}`;
}

// no zeros at the end, but cents stay
function trimmed(text) {
  return text.replace(/(\.\d\d\d*?)0+$/, '$1');
}

export function plural(n, one, many = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : many}`;
}

// to the nanodollar, which is what the ledger counts in
export function exactMoney(value) {
  return known(value) ? trimmed(dollars(value, 9)) : NONE;
}

// for reading: cents, and more places where cents would say nothing
export function money(value) {
  if (!known(value)) {
    return NONE;
  }

  const size = Math.abs(value);

  if (size === 0 || size >= 1) {
    return dollars(value, 2);
  }

  return size >= 0.0001 ? dollars(value, 4).replace(/(\.\d\d)00$/, '$1')
    : exactMoney(value);
}

// of a limit, which is mostly a round number
export function roundMoney(value) {
  return known(value) && Number.isInteger(value)
    ? dollars(value, 2).slice(0, -3) : trimmed(money(value));
}

// what a single call cost, so that a column of them lines up
export function callCost(value) {
  if (!known(value)) {
    return NONE;
  }

  return value < 0.000001 ? exactMoney(value) : dollars(value, 6);
}

export function count(value) {
  return known(value) ? grouped.format(value) : NONE;
}

// 987, 12.3k, 4.56M
export function short(value) {
  if (!known(value)) {
    return NONE;
  }

  for (const [unit, letter] of [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'],
    [1e3, 'k']]) {
    if (value >= unit * 0.9995 && value >= 1e4) {
      const size = value / unit;
      return size.toFixed(size < 9.995 ? 2 : size < 99.95 ? 1 : 0) + letter;
    }
  }

  return grouped.format(value);
}

export function percent(share) {
  if (!known(share)) {
    return NONE;
  }

  const value = share * 100;

  if (value > 99999) {
    return '>99,999%';
  }

  if (value > 99.5 && value < 100) {
    return '>99%';
  }

  if (value === 0 || value >= 10) {
    return `${grouped.format(Math.round(value))}%`;
  }

  return value < 0.01 ? '<0.01%' : `${value.toFixed(value < 1 ? 2 : 1)}%`;
}

export function duration(ms) {
  if (!known(ms)) {
    return NONE;
  }

  if (ms < 1000) {
    return `${Math.round(ms)} ms`;
  }

  if (ms < 100000) {
    return `${(ms / 1000).toFixed(ms < 10000 ? 2 : 1)} s`;
  }

  return span(ms);
}

// on an axis, between whose lines is a step
export function axisMoney(value, step) {
  if (value === 0 || step >= 1) {
    return `$${value >= 1000 ? short(value) : value}`;
  }

  return `$${value.toFixed(Math.max(2, Math.ceil(-Math.log10(step) - 1e-9)))}`;
}

export function axisPercent(share, step) {
  return `${(share * 100).toFixed(share && step < 0.01 ? 1 : 0)}%`;
}

export function axisDuration(ms) {
  return ms === 0 ? '0' : ms < 1000 ? `${ms} ms` : `${ms / 1000} s`;
}

export function micros(us) {
  return known(us) ? (us < 1000 ? `${us} µs` : duration(us / 1000)) : NONE;
}

// 3 d 4 h, 12 min
export function span(ms) {
  const minutes = Math.round(ms / 60000);

  if (minutes < 1) {
    return `${Math.max(0, Math.round(ms / 1000))} s`;
  }

  if (minutes < 60) {
    return `${minutes} min`;
  }

  if (minutes < 1440) {
    const rest = minutes % 60;
    return `${Math.floor(minutes / 60)} h${rest ? ` ${rest} min` : ''}`;
  }

  const days = Math.floor(minutes / 1440);
  const hours = Math.floor((minutes % 1440) / 60);

  return `${days} d${hours && days < 10 ? ` ${hours} h` : ''}`;
}

export function bytes(value) {
  if (!known(value)) {
    return NONE;
  }

  for (const [unit, name] of [[2 ** 30, 'GB'], [2 ** 20, 'MB'],
    [1024, 'KB']]) {
    if (value >= unit) {
      return `${(value / unit).toFixed(1)} ${name}`;
    }
  }

  return `${value} bytes`;
}

const two = (value) => String(value).padStart(2, '0');

export function clock(ms, seconds = true) {
  const at = new Date(ms);
  const text = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`;

  return seconds ? `${text}:${two(at.getUTCSeconds())}` : text;
}

export function day(ms, year = false) {
  const at = new Date(ms);
  const text = `${MONTHS[at.getUTCMonth()]} ${at.getUTCDate()}`;

  return year ? `${text}, ${at.getUTCFullYear()}` : text;
}

export function month(ms) {
  const at = new Date(ms);
  return `${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()}`;
}

// 10:00:01 today, Nov 22 10:00:01 before
export function moment(ms, now = Date.now()) {
  return day(ms) === day(now) && Math.abs(now - ms) < 86400000
    ? clock(ms) : `${day(ms)} ${clock(ms)}`;
}

export function precise(time) {
  return time ? time.replace('T', ' ').replace('Z', ' UTC') : NONE;
}

// us.anthropic.claude-3-haiku-20240307-v1:0: the middle is what people know;
// "deepseek.v3" stays, because "v3" alone is nobody's
export function modelName(model) {
  if (!model) {
    return NONE;
  }

  return model.replace(/^arn:\S*\//, '')
    .replace(/^(?:global|us|eu|apac|jp|au|us-gov)\./, '')
    .replace(/-v\d+(?::\d+)*$/, '')
    .replace(/-\d{8}$/, '')
    .replace(/^[a-z0-9]+\.(?=[a-z]{2})/, '') || model;
}

// short names for a list, but where two would be the same
export function modelNames(models) {
  const shorts = models.map(modelName);

  return new Map(models.map((model, i) => [model,
    shorts.indexOf(shorts[i]) === shorts.lastIndexOf(shorts[i])
      ? shorts[i] : model]));
}

export function words(name) {
  return String(name).replaceAll('_', ' ');
}
