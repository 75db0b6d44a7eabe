// Anthropic's Bedrock SDK: Messages over InvokeModel, bearer and SigV4.

import { attempt, done, is, key, load, model, sim, thrown, url }
  from './client.mjs';

const sdk = load('@anthropic-ai/bedrock-sdk');
const Bedrock = sdk.AnthropicBedrock ?? sdk.default;

const ask = (behaviour) => ({
  model: model.bedrock, max_tokens: 300,
  messages: [{ role: 'user', content: sim(behaviour) }],
});

const logins = {
  bearer: { apiKey: key.good },
  sigv4: { awsAccessKey: key.name, awsSecretKey: key.secret },
};

for (const [name, login] of Object.entries(logins)) {
  const bedrock = new Bedrock({
    awsRegion: 'us-east-1', baseURL: url.bedrock, ...login,
  });

  await attempt(`${name}: message`, async () => {
    const message = await bedrock.messages.create(
      ask({ input: 31, output: 2, text: 'over invoke' }));

    is([message.content[0].text, message.usage.input_tokens],
      ['over invoke', 31], `${name}: message`);
  });

  await attempt(`${name}: stream`, async () => {
    let text = '';

    for await (const event of await bedrock.messages.create(
      { ...ask({ text: 'a b c' }), stream: true })) {
      text += event.delta?.text ?? '';
    }

    is(text, 'a b c', `${name}: stream`);
  });
}

const error = await thrown(() => new Bedrock({
  awsRegion: 'us-east-1', baseURL: url.bedrock, apiKey: key.unknown,
}).messages.create(ask({})));

is(error.status, 403, 'unknown key');

done();
