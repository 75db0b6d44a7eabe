// What the Node clients share: the packages in build/, TAP, the environment
// that t/clients.t gives.

import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const build = process.env.LLM_BUILD_DIR ?? join(here, '..', '..', 'build');

export const load = createRequire(join(build, 'package.json'));

let count = 0;
let failed = 0;

export function ok(pass, name) {
  count++;
  failed += pass ? 0 : 1;
  console.log(`${pass ? 'ok' : 'not ok'} ${count} - ${name}`);
  return pass;
}

export function is(got, expected, name) {
  const same = JSON.stringify(got) === JSON.stringify(expected);

  if (!ok(same, name)) {
    console.log(`#      got: ${JSON.stringify(got)}`);
    console.log(`# expected: ${JSON.stringify(expected)}`);
  }
}

// runs a test; what it throws fails it and the next ones go on
export async function attempt(name, test) {
  try {
    await test();
  } catch (error) {
    ok(false, name);
    console.log(`# ${String(error.stack ?? error).replaceAll('\n', '\n# ')}`);
  }
}

// what a call that has to fail throws
export async function thrown(call) {
  try {
    await call();
  } catch (error) {
    return error;
  }

  return new Error('nothing was thrown');
}

export function done() {
  console.log(`1..${count}`);
  process.exitCode = failed ? 1 : 0;
}

// a prompt that tells the simulated Bedrock how to answer
export function sim(behaviour) {
  return `Please answer. sim:${JSON.stringify(behaviour)}`;
}

export const url = {
  anthropic: process.env.LLM_ANTHROPIC_URL,
  bedrock: process.env.LLM_BEDROCK_URL,
  bedrockH2c: process.env.LLM_BEDROCK_H2C_URL,
};

export const key = {
  good: process.env.LLM_KEY,
  name: process.env.LLM_SIGV4_NAME,
  secret: process.env.LLM_SIGV4_SECRET,
  unknown: 'vk-this-key-is-unknown-0123456789',
  broke: process.env.LLM_BROKE_KEY,
  busy: process.env.LLM_BUSY_KEY,
};

export const model = {
  anthropic: process.env.LLM_MODEL_ANTHROPIC ?? 'claude-sonnet-4-5',
  bedrock: process.env.LLM_MODEL_BEDROCK
    ?? 'us.anthropic.claude-sonnet-4-5-20250929-v1:0',
};
