// OpenAI's own client against our fake of its server.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import OpenAI from "openai";
import { fake, GREETING, KEY, lastCall } from "./fake.mjs";

let server;
before(async () => (server = await fake("openai")));
after(() => server?.stop());

const client = (options = {}) =>
  new OpenAI({ apiKey: KEY, baseURL: `${server.url}/v1`, maxRetries: 0, ...options });
const question = (model, more = {}) => ({
  model,
  messages: [
    { role: "system", content: "Be kind." },
    { role: "user", content: "How are you?" },
  ],
  ...more,
});
const streamed = (model, more) =>
  client().chat.completions.create(question(model, { stream: true, ...more }));

async function read(stream) {
  const reply = { text: "", finish: null, usage: null, model: null, error: null };
  try {
    for await (const chunk of stream) {
      reply.model = chunk.model;
      reply.usage = chunk.usage ?? reply.usage;
      reply.text += chunk.choices[0]?.delta.content ?? "";
      reply.finish = chunk.choices[0]?.finish_reason ?? reply.finish;
    }
  } catch (error) {
    reply.error = error;
  }
  return reply;
}

test("streams text and, when asked, usage", async () => {
  const reply = await read(await streamed("hello", { stream_options: { include_usage: true } }));
  const words = GREETING.split(" ").length;
  assert.equal(reply.error, null);
  assert.equal(reply.text, GREETING);
  assert.equal(reply.finish, "stop");
  assert.equal(reply.model, "hello-fake");
  assert.deepEqual(reply.usage, {
    prompt_tokens: 5, completion_tokens: words, total_tokens: 5 + words,
  });
  assert.equal((await read(await streamed("hello"))).usage, null);
});

test("the client's own accumulator makes the same of it", async () => {
  const runner = client().chat.completions.stream(question("hello"));
  assert.equal(await runner.finalContent(), GREETING);
});

test("stops at the longest reply", async () => {
  const reply = await read(await streamed("tokens-100", { max_completion_tokens: 3 }));
  assert.deepEqual([reply.text, reply.finish], ["w0 w1 w2 ", "length"]);
});

test("answers in one piece", async () => {
  const reply = await client().chat.completions.create(question("hello"));
  assert.equal(reply.choices[0].message.content, GREETING);
  assert.equal(reply.choices[0].finish_reason, "stop");
  assert.equal(reply.usage.prompt_tokens, 5);
});

test("characters survive being split", async () => {
  assert.equal((await read(await streamed("split-utf8"))).text, GREETING);
  const whole = await client().chat.completions.create(question("split-utf8"));
  assert.equal(whole.choices[0].message.content, GREETING);
});

test("takes the quirks of other servers", async () => {
  assert.equal((await read(await streamed("quirks"))).text, `${GREETING} Bye.`);
});

test("a wrong key is an AuthenticationError", async () => {
  const wrong = client({ apiKey: "sk-wrong" }).chat.completions.create(question("hello"));
  await assert.rejects(wrong, OpenAI.AuthenticationError);
  const told = client().chat.completions.create(question("unauthorized", { stream: true }));
  await assert.rejects(told, (error) => {
    assert(error instanceof OpenAI.AuthenticationError);
    assert.equal(error.code, "invalid_api_key");
    return true;
  });
});

test("429 is a RateLimitError that tells when to come back", async () => {
  await assert.rejects(streamed("rate-limited-7"), (error) => {
    assert(error instanceof OpenAI.RateLimitError);
    assert.equal(error.headers.get("retry-after"), "7");
    assert.equal(error.code, "rate_limit_exceeded");
    return true;
  });
});

test("the other refusals have their classes", async () => {
  for (const [model, kind, status] of [
    ["server-error", OpenAI.InternalServerError, 500],
    ["overloaded", OpenAI.InternalServerError, 503],
    ["bad-request", OpenAI.BadRequestError, 400],
    ["not-found", OpenAI.NotFoundError, 404],
  ]) {
    await assert.rejects(streamed(model), (error) => {
      assert(error instanceof kind, `${model}: ${error}`);
      assert.equal(error.status, status);
      return true;
    });
  }
  const nothing = client().chat.completions.create({ model: "hello", messages: [] });
  await assert.rejects(nothing, OpenAI.BadRequestError);
});

test("a cut connection and an error in the stream are errors, behind the text", async () => {
  const broken = await read(await streamed("break-off"));
  assert.equal(broken.text, "One two ");
  assert(broken.error, "the client noticed");
  const failed = await read(await streamed("error-in-stream"));
  assert.equal(failed.text, "One two ");
  assert(failed.error instanceof OpenAI.APIError);
  await assert.rejects(streamed("cut"), OpenAI.APIConnectionError);
});

test("thoughts are no text", async () => {
  assert.equal((await read(await streamed("thinking-3"))).text, GREETING);
});

test("a reply without [DONE] is whole for those who go by its finish", async () => {
  const stream = await streamed("no-done");
  let text = "";
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? "";
    if (chunk.choices[0]?.finish_reason) break;
  }
  assert.equal(text, GREETING);
});

test("a server that falls silent leaves it to the client to go", async () => {
  for (const [model, said] of [["stall", "One two "], ["silent", ""]]) {
    const stream = await streamed(model);
    setTimeout(() => stream.controller.abort(), 500);
    const reply = await read(stream);
    assert.equal(reply.text, said);
    assert.equal((await lastCall(server)).end, "closed_by_client");
  }
  const hanging = client({ timeout: 500 }).chat.completions.create(question("hang"));
  await assert.rejects(hanging, OpenAI.APIConnectionTimeoutError);
});

test("a response that ends early leaves the reply unfinished", async () => {
  const reply = await read(await streamed("no-end"));
  assert.deepEqual([reply.text, reply.finish], ["One two ", null]);
});

test("going away is seen by the server", async () => {
  const stream = await streamed("endless");
  for await (const _ of stream) break;
  assert.equal((await lastCall(server)).end, "closed_by_client");
});

test("a call is recorded", async () => {
  const options = { headers: { "x-causerie-call": "q7/1/1" } };
  await client().chat.completions.create(question("hello"), options);
  const call = await lastCall(server);
  assert.deepEqual([call.id, call.end], ["q7/1/1", "complete"]);
  assert.equal(call.body.messages[1].content, "How are you?");
});
