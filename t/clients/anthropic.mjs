// Anthropic's TypeScript SDK, the major version that the first argument names:
// messages, streams, tools, thinking, count_tokens, models, errors and tries.

import { attempt, done, is, key, load, model, ok, sim, thrown, url }
  from './client.mjs';

const name = process.argv[2] ?? '@anthropic-ai/sdk';
const sdk = load(name);
const Anthropic = sdk.default ?? sdk.Anthropic;

let tries = 0;

function client(secret, more = {}) {
  tries = 0;
  return new Anthropic({
    apiKey: secret, baseURL: url.anthropic,
    fetch: (...args) => { tries++; return fetch(...args); }, ...more,
  });
}

const ask = (behaviour, more = {}) => ({
  model: model.anthropic, max_tokens: 300,
  messages: [{ role: 'user', content: sim(behaviour) }], ...more,
});

const tools = [{
  name: 'get_weather', description: 'the weather of a city',
  input_schema: { type: 'object', properties: { city: { type: 'string' } } },
}];

const anthropic = client(key.good);

await attempt('message', async () => {
  const message = await anthropic.messages.create(
    ask({ input: 21, output: 3, cache_read: 7, text: 'one two three' }));

  is(message.content[0].text, 'one two three', 'message: text');
  is([message.usage.input_tokens, message.usage.output_tokens,
    message.usage.cache_read_input_tokens], [21, 3, 7], 'message: usage');
  is([message.type, message.role, message.stop_reason],
    ['message', 'assistant', 'end_turn'], 'message: shape');
});

await attempt('system and beta', async () => {
  const message = await anthropic.beta.messages.create({
    ...ask({ text: 'beta' }), system: [{ type: 'text', text: 'Be brief.' }],
    betas: ['context-1m-2025-08-07'],
  });

  is(message.content[0].text, 'beta', 'system and beta');
});

await attempt('stream', async () => {
  const stream = anthropic.messages.stream(
    ask({ input: 22, output: 5, text: 'a b c d e', split: 5 }));
  const pieces = [];

  stream.on('text', (text) => pieces.push(text));

  const message = await stream.finalMessage();

  is(message.content[0].text, 'a b c d e', 'stream: text');
  is(pieces.length, 5, 'stream: in pieces');
  is([message.usage.input_tokens, message.usage.output_tokens], [22, 5],
    'stream: usage');
});

await attempt('raw stream', async () => {
  const types = [];

  for await (const event of await anthropic.messages.create(
    ask({ text: 'x y' }, { stream: true }))) {
    types.push(event.type);
  }

  is([types[0], types.at(-1)], ['message_start', 'message_stop'],
    'raw stream: first and last event');
});

await attempt('tool', async () => {
  const message = await anthropic.messages.stream(
    ask({ tool: true, text: 'let me look' }, { tools })).finalMessage();
  const use = message.content.find((block) => block.type === 'tool_use');

  is([use?.name, use?.input?.city, message.stop_reason],
    ['get_weather', 'Berlin', 'tool_use'], 'tool: call');

  const next = await anthropic.messages.create({
    ...ask({}), tools,
    messages: [
      { role: 'user', content: 'How is the weather?' },
      { role: 'assistant', content: message.content },
      { role: 'user', content: [{
        type: 'tool_result', tool_use_id: use.id,
        content: sim({ text: 'it rains' }),
      }] },
    ],
  });

  is(next.content[0].text, 'it rains', 'tool: result');
});

await attempt('thinking', async () => {
  const message = await anthropic.messages.stream(ask(
    { thinking: true, text: 'thought' },
    { max_tokens: 3000, thinking: { type: 'enabled', budget_tokens: 1024 } },
  )).finalMessage();

  is(message.content.map((block) => block.type), ['thinking', 'text'],
    'thinking: blocks');
  ok(message.content[0].thinking.length > 10
    && message.content[0].signature.length > 0,
  'thinking: text and signature');
});

await attempt('count tokens', async () => {
  const counted = await anthropic.messages.countTokens({
    model: model.anthropic,
    messages: [{ role: 'user', content: 'How many are these?' }],
  });

  ok(counted.input_tokens > 3, 'count tokens');
});

await attempt('models', async () => {
  const names = [];

  for await (const entry of anthropic.models.list()) {
    names.push(entry.id);
  }

  ok(names.length > 0 && names.every((id) => typeof id === 'string'),
    'models: a list');
});

await attempt('bearer', async () => {
  const bearer = client(null, { authToken: key.good, apiKey: null });
  const message = await bearer.messages.create(ask({ text: 'token' }));

  is(message.content[0].text, 'token', 'bearer instead of a key');
});

await attempt('two at once', async () => {
  const answers = await Promise.all(Array.from({ length: 8 }, (_, i) =>
    anthropic.messages.create(ask({ text: `number ${i}` }))));

  is(answers.map((m) => m.content[0].text),
    Array.from({ length: 8 }, (_, i) => `number ${i}`), 'eight at once');
});

async function refused(title, call, kind, status, wanted) {
  const error = await thrown(call);

  ok(error instanceof Anthropic[kind],
    `${title}: ${kind} (${error.constructor.name})`);
  is([error.status, tries], [status, wanted], `${title}: status and tries`);
  ok(/^req|^[0-9a-f-]{8,}/.test(error.requestID ?? error.request_id ?? ''),
    `${title}: has a request id`);
  return error;
}

const create = (secret, behaviour, more) =>
  () => client(secret).messages.create(ask(behaviour, more));

await refused('unknown key', create(key.unknown, {}),
  'AuthenticationError', 401, 1);

const budget = await refused('no budget left', create(key.broke, {}),
  'APIError', 402, 1);
is(budget.error?.error?.type, 'billing_error', 'no budget left: type');
ok(/budget/i.test(budget.message), 'no budget left: says so');

await refused('too many requests', create(key.busy, {}),
  'RateLimitError', 429, 3);
await refused('no such model', create(key.good, {}, { model: 'claude-nope' }),
  'NotFoundError', 404, 1);
await refused('refused by the model',
  create(key.good, { status: 400, message: 'prompt is too long' }),
  'BadRequestError', 400, 1);

await attempt('error in the stream', async () => {
  const error = await thrown(() => client(key.good).messages.stream(ask({
    text: 'a b c d e f', exception: 'modelStreamErrorException',
    exception_after: 4,
  })).finalMessage());

  ok(error instanceof Anthropic.APIError,
    `error in the stream (${error.constructor.name})`);
  is(tries, 1, 'error in the stream: one try');
});

await attempt('left early', async () => {
  const stream = await client(key.good).messages.create(
    ask({ chunks: 50, delay_ms: 20 }, { stream: true }));

  for await (const event of stream) {
    if (event.type === 'content_block_delta') {
      break;
    }
  }

  ok(true, 'left early');
});

done();
