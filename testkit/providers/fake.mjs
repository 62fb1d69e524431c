// Starts causerie-fake-ai for a test file, and ends it with it.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const KEY = "sk-test-0123";
export const GREETING = "Hello from the fake AI! Grüße, 你好 and 👋🏽 to you.";

// This file runs from target/tools/providers.
const program = fileURLToPath(new URL("../../debug/causerie-fake-ai", import.meta.url));

/** @returns {Promise<{url: string, calls: () => Promise<any[]>, stop: () => void}>} */
export async function fake(provider) {
  const child = spawn(program, [`--${provider}`, "0", "--key", KEY], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const url = line.split(" ")[1].replace(/\/$/, "");
    const calls = async () => (await fetch(`${url}/calls`)).json();
    return { url, calls, stop: () => child.kill() };
  }
  throw new Error("causerie-fake-ai ended before it listened");
}

/** The last call, once it is over. */
export async function lastCall(server) {
  const deadline = Date.now() + 20_000;
  while (Date.now() < deadline) {
    const call = (await server.calls()).at(-1);
    if (call.end) return call;
  }
  throw new Error("the last call is not over");
}
