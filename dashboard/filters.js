// The filters of the request log (docs/api.md): as a form, and as a line to
// type: team=ml status=5xx cost>=0.1 user_agent="claude cli"

const YES_NO = ['true', 'false'];

const QUOTED = '"((?:[^"]|"")*)"?';

const text = (name, label, hint = '') => ({ name, label, hint });
const choice = (name, label, choices) => ({ name, label, choices });
const between = (name, label, unit) => ({ name, label, unit, range: true });

export const GROUPS = [
  ['Who', [
    text('customer', 'Customer'),
    text('team', 'Team'),
    text('virtual_key', 'Virtual key'),
    text('end_user', 'End user'),
    text('session', 'Session'),
    text('tag', 'Tag'),
    text('client', 'Client address'),
    text('user_agent', 'User agent has'),
  ]],
  ['Where', [
    text('provider', 'Provider'),
    text('region', 'Region'),
    text('model', 'Model', 'names may end with *'),
    text('model_asked', 'Model asked for'),
    text('attempt_provider', 'Provider of any attempt'),
    text('provider_request_id', 'Provider\'s request id'),
    choice('dialect', 'Dialect', ['anthropic', 'bedrock', 'openai']),
    text('api', 'API', 'anthropic_messages'),
    text('id', 'Request id'),
  ]],
  ['What became of it', [
    text('status', 'Status', '200 or 429,5xx'),
    choice('outcome', 'Outcome', ['ok', 'estimated', 'unpriced',
      'client_error', 'provider_error']),
    choice('error', 'Error', ['any', 'none', 'refused', 'client_error',
      'throttled', 'server_error', 'exception', 'connect', 'timeout',
      'broken', 'client_gone', 'gateway_died']),
    text('text', 'Error message has'),
    text('refusal', 'Refused because', 'budget, requests'),
    choice('attempt_result', 'Result of any attempt', ['ok', 'client_error',
      'throttled', 'server_error', 'exception', 'connect', 'timeout',
      'broken']),
    choice('price', 'Price', ['exact', 'estimated', 'unpriced']),
    choice('cache', 'Prompt cache', ['hit', 'write', 'none']),
    choice('tier', 'Tier', ['default', 'priority', 'flex', 'batch',
      'reserved']),
    choice('streamed', 'Streamed', YES_NO),
    choice('aborted', 'Client left', YES_NO),
    choice('failover', 'Failed over', YES_NO),
    choice('recovered', 'Recovered after a crash', YES_NO),
    choice('content', 'Content logged', YES_NO),
  ]],
  ['How much', [
    between('cost', 'Cost', '$'),
    between('cost_input', 'Cost of input', '$'),
    between('cost_output', 'Cost of output', '$'),
    between('cost_cache_read', 'Cost of cache reads', '$'),
    between('cost_cache_write', 'Cost of cache writes', '$'),
    between('cost_other', 'Other cost', '$'),
    between('cost_earlier_attempts', 'Cost of earlier attempts', '$'),
    between('tokens', 'Tokens', ''),
    between('input_tokens', 'Input tokens', ''),
    between('output_tokens', 'Output tokens', ''),
    between('cache_read_tokens', 'Cache reads', 'tokens'),
    between('cache_write_tokens', 'Cache writes', 'tokens'),
    between('reasoning_tokens', 'Reasoning', 'tokens'),
    between('images', 'Images', ''),
    between('queries', 'Rerank queries', ''),
    between('latency', 'Answer time', 'ms'),
    between('first_token', 'First token', 'ms'),
    between('overhead', 'Overhead', 'µs'),
    between('attempts', 'Attempts', ''),
    between('request_bytes', 'Request size', 'bytes'),
    between('response_bytes', 'Answer size', 'bytes'),
  ]],
];

const ranges = new Set(GROUPS.flatMap(([, fields]) => fields)
  .filter((field) => field.range).map((field) => field.name));

export const NAMES = GROUPS.flatMap(([, fields]) => fields).flatMap(
  (field) => (field.range ? [`${field.name}_min`, `${field.name}_max`]
    : [field.name]));

// what the page asks by other means than filters
export const OTHERS = ['from', 'to', 'period', 'received_from', 'received_to',
  'sort', 'order'];

// "latency>=2000" is latency_min=2000
function comparison(name, sign, value) {
  if (sign !== '=' && ranges.has(name)) {
    return [`${name}_${sign[0] === '>' ? 'min' : 'max'}`, value];
  }

  return [name, value];
}

// a value that was found, and nothing else: what a filter would read as a list,
// a beginning or a "not" is meant as it stands
export function exactly(value) {
  return String(value).replace(/[\\,*]/g, '\\$&').replace(/^!/, '\\!');
}

// a line as parameters; a word by itself is looked for in error messages.  What
// has blanks is written in quotation marks, which are doubled within
export function parse(line) {
  const found = {};
  const words = [];
  const part = new RegExp(`([a-z_]+)(=|>=?|<=?|:)(?:${QUOTED}|(\\S*))`
    + `|${QUOTED}|(\\S+)`, 'g');
  const plain = (quoted, bare) => quoted?.replaceAll('""', '"') ?? bare;

  for (const match of line.matchAll(part)) {
    if (match[1]) {
      const [name, value] = comparison(match[1],
        match[2] === ':' ? '=' : match[2], plain(match[3], match[4]));

      if (value !== '') {
        found[name] = value;
      }
    } else {
      words.push(plain(match[5], match[6]));
    }
  }

  if (words.length && found.text === undefined) {
    found.text = words.join(' ');
  }

  return found;
}

export function print(params) {
  return Object.entries(params)
    .filter(([name, value]) => !OTHERS.includes(name) && value)
    .map(([name, value]) => `${name}=${/[\s"]/.test(value)
      ? `"${value.replaceAll('"', '""')}"` : value}`)
    .join(' ');
}

// filters alone, without period and order
export function only(params) {
  return Object.fromEntries(Object.entries(params)
    .filter(([name, value]) => value && !OTHERS.includes(name)));
}
