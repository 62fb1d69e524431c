// Anthropic's own clients against our fake of its server: the newest, and the
// last that speaks the version of the API that our backend speaks.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import Newest from "@anthropic-ai/sdk";
import Of2023 from "anthropic-2023-06-01";
import { fake, GREETING, KEY, lastCall } from "./fake.mjs";

let server;
before(async () => (server = await fake("anthropic")));
after(() => server?.stop());

const question = (model, more = {}) => ({
  model,
  max_tokens: 1000,
  system: "Be kind.",
  messages: [{ role: "user", content: "How are you?" }],
  ...more,
});

async function read(stream) {
  const reply = { text: "", events: new Set(), stop: null, error: null };
  try {
    for await (const event of stream) {
      reply.events.add(event.type);
      if (event.type === "content_block_delta") reply.text += event.delta.text ?? "";
      if (event.type === "message_delta") reply.stop = event.delta.stop_reason;
    }
  } catch (error) {
    reply.error = error;
  }
  return reply;
}

for (const [name, Anthropic] of [["2026-10-21", Newest], ["2023-06-01", Of2023]]) {
  const client = (options = {}) =>
    new Anthropic({ apiKey: KEY, baseURL: server.url, maxRetries: 0, ...options });
  const streamed = (model, more) =>
    client().messages.create(question(model, { stream: true, ...more }));

  describe(`version ${name}`, () => {
    test("streams text by the events of Messages", async () => {
      const reply = await read(await streamed("hello"));
      assert.equal(reply.error, null);
      assert.equal(reply.text, GREETING);
      assert.equal(reply.stop, "end_turn");
      for (const type of ["message_start", "content_block_start", "content_block_stop",
        "message_delta", "message_stop"]) {
        assert(reply.events.has(type), type);
      }
    });

    test("the client's own accumulator makes the same of it, usage included", async () => {
      const message = await client().messages.stream(question("hello")).finalMessage();
      assert.equal(message.content[0].text, GREETING);
      assert.equal(message.model, "hello-fake");
      assert.equal(message.usage.input_tokens, 5);
      assert.equal(message.usage.output_tokens, GREETING.split(" ").length);
    });

    test("stops at the longest reply", async () => {
      const reply = await read(await streamed("tokens-100", { max_tokens: 3 }));
      assert.deepEqual([reply.text, reply.stop], ["w0 w1 w2 ", "max_tokens"]);
    });

    test("answers in one piece", async () => {
      const message = await client().messages.create(question("hello"));
      assert.equal(message.content[0].text, GREETING);
      assert.equal(message.stop_reason, "end_turn");
      assert.equal(message.usage.input_tokens, 5);
    });

    test("characters survive being split", async () => {
      assert.equal((await read(await streamed("split-utf8"))).text, GREETING);
      const whole = await client().messages.create(question("split-utf8"));
      assert.equal(whole.content[0].text, GREETING);
    });

    test("a wrong key is an AuthenticationError", async () => {
      const wrong = client({ apiKey: "sk-wrong" }).messages.create(question("hello"));
      await assert.rejects(wrong, Anthropic.AuthenticationError);
      await assert.rejects(streamed("unauthorized"), Anthropic.AuthenticationError);
    });

    test("429 is a RateLimitError that tells when to come back", async () => {
      await assert.rejects(streamed("rate-limited-7"), (error) => {
        assert(error instanceof Anthropic.RateLimitError);
        assert.equal(error.headers.get("retry-after"), "7");
        assert.equal(error.error.error.type, "rate_limit_error");
        return true;
      });
    });

    test("the other refusals have their classes", async () => {
      for (const [model, kind, status, type] of [
        ["server-error", Anthropic.InternalServerError, 500, "api_error"],
        ["overloaded", Anthropic.InternalServerError, 529, "overloaded_error"],
        ["bad-request", Anthropic.BadRequestError, 400, "invalid_request_error"],
        ["not-found", Anthropic.NotFoundError, 404, "not_found_error"],
      ]) {
        await assert.rejects(streamed(model), (error) => {
          assert(error instanceof kind, `${model}: ${error}`);
          assert.deepEqual([error.status, error.error.error.type], [status, type]);
          return true;
        });
      }
      const assistantFirst = { messages: [{ role: "assistant", content: "Hi." }] };
      await assert.rejects(streamed("hello", assistantFirst), Anthropic.BadRequestError);
    });

    test("a cut connection and an error in the stream are errors, behind the text", async () => {
      const broken = await read(await streamed("break-off"));
      assert.equal(broken.text, "One two ");
      assert(broken.error, "the client noticed");
      const failed = await read(await streamed("error-in-stream"));
      assert.equal(failed.text, "One two ");
      assert(failed.error instanceof Anthropic.APIError);
      assert.match(failed.error.message, /overloaded_error/);
      await assert.rejects(streamed("cut"), Anthropic.APIConnectionError);
    });

    test("thoughts are a block of their own, before the text", async () => {
      const thinking = client().messages.stream(question("thinking-3"));
      const message = await thinking.finalMessage();
      assert.deepEqual(message.content.map((block) => block.type), ["thinking", "text"]);
      assert.equal(message.content[1].text, GREETING);
    });

    test("a server that falls silent leaves it to the client to go", async () => {
      for (const [model, said] of [["stall", "One two "], ["silent", ""]]) {
        const stream = await streamed(model);
        setTimeout(() => stream.controller.abort(), 500);
        const reply = await read(stream);
        assert.equal(reply.text, said);
        assert.equal((await lastCall(server)).end, "closed_by_client");
      }
      const hanging = client({ timeout: 500 }).messages.create(question("hang"));
      await assert.rejects(hanging, Anthropic.APIConnectionTimeoutError);
    });

    test("a response that ends early leaves the reply unfinished", async () => {
      const reply = await read(await streamed("no-end"));
      assert.deepEqual([reply.text, reply.stop], ["One two ", null]);
    });

    test("going away is seen by the server", async () => {
      const stream = await streamed("endless");
      for await (const event of stream) {
        if (event.type === "content_block_delta") break;
      }
      assert.equal((await lastCall(server)).end, "closed_by_client");
    });
  });
}
