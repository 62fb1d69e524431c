import { newId } from '../ids.js';
import { SUBPROTOCOL } from '../protocol/generated/constants.js';
import type { ClientFrame, ServerFrame } from '../protocol/frames.js';
import { queryOf } from './query.js';
import { endOf, type Server } from './server.js';
import type { End, Hearing, Link, Opening, Transport } from './transport.js';

export type WebSocketClass = new (url: string, protocols: string[]) => WebSocket;

const PATH = 'ws';

/** WebSockets of this class. */
export function webSocket(server: Server, socketClass: WebSocketClass): Transport {
  return {
    name: 'websocket',
    open: (opening, hearing) => new WebSocketLink(server, socketClass, opening, hearing),
  };
}

class WebSocketLink implements Link {
  readonly transport = 'websocket';
  readonly canJoin = true;
  readonly canRenew = true;
  readonly #server: Server;
  readonly #opening: Opening;
  #hearing: Hearing | null;
  #socket: WebSocket | null = null;
  #isReady = false;
  readonly #patience: ReturnType<typeof setTimeout>;
  /** What waits for the `pong` of an id. */
  readonly #pings = new Map<string, () => void>();

  constructor(server: Server, socketClass: WebSocketClass, opening: Opening, hearing: Hearing) {
    this.#server = server;
    this.#opening = opening;
    this.#hearing = hearing;
    this.#patience = setTimeout(() => this.#onClose(1006, 'no connection in time'), opening.timeoutMs);
    const url = server.url(PATH, queryOf(opening));
    url.protocol = url.protocol.replace('http', 'ws');
    try {
      // The token as a subprotocol: what stands in a URL gets into the logs of proxies.
      const socket = new socketClass(url.href, [SUBPROTOCOL, `bearer.${opening.token}`]);
      this.#socket = socket;
      socket.onmessage = ({ data }) => this.#onMessage(data);
      socket.onclose = ({ code, reason }) => this.#onClose(code, reason);
      // Not every Node sends a `close` after a handshake that failed.
      socket.onerror = () => this.#isReady || this.#onClose(1006, '');
    } catch (error) {
      queueMicrotask(() => this.#onClose(1006, String(error)));
    }
  }

  send(frame: ClientFrame): void {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(frame));
  }

  ping(): Promise<number> {
    const id = `p${newId()}`;
    const start = performance.now();
    return new Promise((resolve) => {
      this.#pings.set(id, () => resolve(performance.now() - start));
      this.send({ action: 'ping', id });
    });
  }

  close(): void {
    clearTimeout(this.#patience);
    this.#hearing = null;
    const socket = this.#socket;
    if (!socket) return;
    socket.onmessage = socket.onclose = null;
    // One that is closed while it connects calls this an error.
    socket.onerror = () => {};
    socket.close();
  }

  #onMessage(text: string): void {
    const frame = JSON.parse(text) as ServerFrame;
    if (frame.type === 'ready') {
      this.#isReady = true;
      clearTimeout(this.#patience);
    }
    if (frame.type === 'pong') {
      this.#pings.get(frame.id ?? '')?.();
      this.#pings.delete(frame.id ?? '');
    }
    this.#hearing?.onFrame(frame);
  }

  async #onClose(code: number, reason: string): Promise<void> {
    const hearing = this.#hearing;
    this.close();
    if (!hearing) return;
    // Whoever closes it meanwhile does not want to hear of it.
    this.#hearing = hearing;
    // The server's own codes say enough.
    const why = this.#isReady || code > 1006 ? {} : await this.#whyRefused();
    if (this.#hearing !== hearing) return;
    this.#hearing = null;
    hearing.onEnd({ code, reason, ...why });
  }

  /** A failed handshake tells a page nothing; a plain request does: 426 would have been let in. */
  async #whyRefused(): Promise<Partial<End>> {
    const { token } = this.#opening;
    try {
      const answer = await this.#server.ask(PATH, { token, query: queryOf(this.#opening), timeoutMs: 5_000 });
      return answer.status === 426 ? { isBlocked: 'path' } : await endOf(answer);
    } catch {
      return {};
    }
  }
}
