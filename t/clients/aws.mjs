// AWS SDK for JavaScript: every operation, bearer and SigV4, over its default
// HTTP/2 with prior knowledge and over HTTP/1.1; errors and tries.

import { attempt, done, is, key, load, model, ok, sim, thrown, url }
  from './client.mjs';

const {
  BedrockRuntimeClient, ConverseCommand, ConverseStreamCommand,
  CountTokensCommand, InvokeModelCommand,
  InvokeModelWithResponseStreamCommand,
} = load('@aws-sdk/client-bedrock-runtime');
const { NodeHttpHandler } = load('@smithy/node-http-handler');

const utf8 = new TextDecoder();

function client(auth, handler, secret = key.good, more = {}) {
  const options = { region: 'us-east-1', endpoint: url.bedrockH2c, ...more };

  if (handler === 'http/1.1') {
    options.endpoint = url.bedrock;
    options.requestHandler = new NodeHttpHandler();
  }

  if (auth === 'bearer') {
    options.token = { token: secret };
    options.authSchemePreference = ['httpBearerAuth'];
  } else {
    options.credentials = {
      accessKeyId: key.name, secretAccessKey: secret,
    };
    options.authSchemePreference = ['sigv4'];
  }

  return new BedrockRuntimeClient(options);
}

function claude(behaviour, more = {}) {
  return JSON.stringify({
    anthropic_version: 'bedrock-2023-05-31', max_tokens: 300,
    messages: [{ role: 'user', content: sim(behaviour) }], ...more,
  });
}

function conversation(behaviour, modelId = model.bedrock) {
  return {
    modelId,
    messages: [{ role: 'user', content: [{ text: sim(behaviour) }] }],
    inferenceConfig: { maxTokens: 300 },
  };
}

async function collect(stream) {
  const events = [];

  for await (const event of stream) {
    events.push(event);
  }

  return events;
}

const textOf = (events) => events
  .map((e) => e.contentBlockDelta?.delta?.text ?? '').join('');

async function invoke(name, aws) {
  const answer = await aws.send(new InvokeModelCommand({
    modelId: model.bedrock, contentType: 'application/json',
    body: claude({ input: 11, output: 3, text: 'one two three' }),
  }));
  const body = JSON.parse(utf8.decode(answer.body));

  is(body.content[0].text, 'one two three', `${name}: invoke, text`);
  is([body.usage.input_tokens, body.usage.output_tokens], [11, 3],
    `${name}: invoke, usage`);
  is(answer.$metadata.attempts, 1, `${name}: invoke, one try`);
}

async function invokeStream(name, aws) {
  const answer = await aws.send(new InvokeModelWithResponseStreamCommand({
    modelId: model.bedrock, contentType: 'application/json',
    body: claude({ input: 12, output: 4, text: 'a b c d', split: 7 }),
  }));
  const events = (await collect(answer.body))
    .map((e) => JSON.parse(utf8.decode(e.chunk.bytes)));

  is(events.map((e) => e.delta?.text ?? '').join(''), 'a b c d',
    `${name}: invoke stream, text`);
  is(events.at(-1)['amazon-bedrock-invocationMetrics']?.outputTokenCount, 4,
    `${name}: invoke stream, metrics left in`);
}

async function converse(name, aws) {
  const answer = await aws.send(new ConverseCommand(
    conversation({ input: 13, output: 2, cache_read: 5, text: 'hello you' })));

  is(answer.output.message.content[0].text, 'hello you',
    `${name}: converse, text`);
  is([answer.usage.inputTokens, answer.usage.outputTokens,
    answer.usage.cacheReadInputTokens], [13, 2, 5],
  `${name}: converse, usage`);
}

async function converseStream(name, aws) {
  const answer = await aws.send(new ConverseStreamCommand(
    conversation({ input: 14, output: 6, text: 'it is a small world here' })));
  const events = await collect(answer.stream);

  is(textOf(events), 'it is a small world here',
    `${name}: converse stream, text`);
  is(events.find((e) => e.metadata)?.metadata.usage.outputTokens, 6,
    `${name}: converse stream, usage`);
}

for (const auth of ['bearer', 'sigv4']) {
  for (const handler of ['h2c', 'http/1.1']) {
    const name = `${auth}, ${handler}`;
    const secret = auth === 'bearer' ? key.good : key.secret;
    const aws = client(auth, handler, secret);

    for (const test of [invoke, invokeStream, converse, converseStream]) {
      await attempt(`${name}: ${test.name}`, () => test(name, aws));
    }

    aws.destroy();
  }
}

const aws = client('bearer', 'h2c');

await attempt('tool', async () => {
  const answer = await aws.send(new ConverseStreamCommand({
    ...conversation({ tool: true, text: 'let me look' }),
    toolConfig: { tools: [{ toolSpec: {
      name: 'get_weather', inputSchema: { json: { type: 'object' } },
    } }] },
  }));
  const events = await collect(answer.stream);
  const input = events
    .map((e) => e.contentBlockDelta?.delta?.toolUse?.input ?? '').join('');

  is(JSON.parse(input).city, 'Berlin', 'tool: arguments');
  is(events.find((e) => e.messageStop)?.messageStop.stopReason, 'tool_use',
    'tool: stop reason');
});

await attempt('another family', async () => {
  const answer = await aws.send(new ConverseCommand(
    conversation({ text: 'bonjour' }, 'mistral.mistral-large-2407-v1:0')));

  is(answer.output.message.content[0].text, 'bonjour', 'another family');
});

await attempt('count tokens', async () => {
  const answer = await aws.send(new CountTokensCommand({
    modelId: model.bedrock.replace(/^us\./, ''),
    input: { invokeModel: { body: claude({}) } },
  }));

  ok(answer.inputTokens > 10, 'count tokens');
});

await attempt('exception in the stream', async () => {
  const answer = await aws.send(new ConverseStreamCommand(conversation({
    text: 'a b c d e f', exception: 'modelStreamErrorException',
    exception_after: 4,
  })));
  const error = await thrown(() => collect(answer.stream));

  is(error.name, 'ModelStreamErrorException', 'exception in the stream');
});

async function refused(title, auth, secret, name, status, tries) {
  for (const handler of ['h2c', 'http/1.1']) {
    const error = await thrown(() => client(auth, handler, secret).send(
      new ConverseCommand(conversation({ text: 'x' }))));

    is([error.name, error.$metadata?.httpStatusCode,
      error.$metadata?.attempts], [name, status, tries],
    `${title}, ${handler}`);
    ok(error.message.length > 20 && !error.message.includes(secret),
      `${title}, ${handler}: says why, not the secret`);
  }
}

await refused('unknown key', 'bearer', key.unknown,
  'UnrecognizedClientException', 403, 1);
await refused('wrong secret', 'sigv4', key.unknown,
  'InvalidSignatureException', 403, 1);
await refused('no budget left', 'bearer', key.broke,
  'ServiceQuotaExceededException', 400, 1);
await refused('too many requests', 'bearer', key.busy,
  'ThrottlingException', 429, 3);

done();
