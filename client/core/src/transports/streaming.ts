import { CauserieError, errorOf } from '../errors.js';
import { DRAINING } from '../protocol/generated/constants.js';
import type { ClientFrame, ErrorFrame, ServerFrame } from '../protocol/frames.js';
import { EventStreamReader } from './event-stream.js';
import { Poster } from './poster.js';
import { queryOf } from './query.js';
import { endBy, endOf, type Server } from './server.js';
import type { End, Hearing, Link, Opening, Transport } from './transport.js';

/**
 * Server-Sent Events, read with `fetch`: an EventSource sets no header, so that the token would
 * stand in the URL, tells no status of a refusal, and is missing in Node.
 */
export function streaming(server: Server): Transport {
  return { name: 'streaming', open: (opening, hearing) => new StreamingLink(server, opening, hearing) };
}

class StreamingLink implements Link {
  readonly transport = 'streaming';
  readonly canJoin = false;
  readonly canRenew = false;
  readonly #server: Server;
  readonly #opening: Opening;
  #hearing: Hearing | null;
  readonly #poster: Poster;
  readonly #stop = new AbortController();
  readonly #patience: ReturnType<typeof setTimeout>;
  /** How often `retry:` has come: first as a rule, then because the node drains. */
  #retries = 0;
  #end: End = { code: 1006, reason: 'the stream broke off' };

  constructor(server: Server, opening: Opening, hearing: Hearing) {
    this.#server = server;
    this.#opening = opening;
    this.#hearing = hearing;
    this.#poster = new Poster(server, opening.token, {
      onAnswer: (frame) => this.#hearing?.onFrame(frame),
      onFailure: (error) => this.#finish(endBy(error)),
    });
    // What begins and then says nothing is being gathered by something on the way.
    this.#patience = setTimeout(
      () => this.#finish({ code: 1006, reason: 'no events in time', isBlocked: 'path' }),
      opening.timeoutMs,
    );
    void this.#run();
  }

  send(frame: ClientFrame): void {
    this.#poster.post(frame);
  }

  ping(): Promise<number> {
    return timeOf(this.#server);
  }

  close(): void {
    this.#hearing = null;
    clearTimeout(this.#patience);
    this.#stop.abort();
    this.#poster.close();
  }

  async #run(): Promise<void> {
    try {
      const { token, timeoutMs } = this.#opening;
      const request = { token, query: queryOf(this.#opening), signal: this.#stop.signal, timeoutMs };
      const answer = await this.#server.ask('api/events', request);
      if (!answer.ok || !answer.body) return this.#finish(await endOf(answer));
      await this.#read(answer.body);
    } catch (error) {
      if (error instanceof CauserieError) this.#end = endBy(error);
    }
    this.#finish(this.#end);
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    const events = new EventStreamReader({
      onEvent: (type, data) => this.#onFrame(type, JSON.parse(data) as ServerFrame),
      onRetry: (ms) => {
        this.#retries += 1;
        if (this.#retries > 1) this.#end = { code: DRAINING, reason: `reconnect after=${ms}` };
      },
    });
    const text = new TextDecoder();
    const reader = body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      this.#hearing?.onLife();
      events.read(text.decode(value, { stream: true }));
    }
  }

  #onFrame(type: string, frame: ServerFrame): void {
    if (type === 'ready') clearTimeout(this.#patience);
    if (type === 'fault') this.#end = endBy(errorOf(frame as ErrorFrame));
    this.#hearing?.onFrame(frame);
  }

  #finish(end: End): void {
    const hearing = this.#hearing;
    this.close();
    hearing?.onEnd(end);
  }
}

/** How long a short answer takes, in milliseconds. */
export async function timeOf(server: Server): Promise<number> {
  const start = performance.now();
  await server.ask('health/live');
  return performance.now() - start;
}
