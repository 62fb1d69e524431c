import { SUBPROTOCOL } from '../protocol/generated/constants.js';
import type { ClientFrame, ServerFrame } from '../protocol/frames.js';
import { queryOf } from './query.js';
import { endOf, type Server } from './server.js';
import type { End, Transport } from './transport.js';

export type WebSocketClass = new (url: string, protocols: string[]) => WebSocket;

const PATH = 'ws';

/** How long is waited for why a handshake failed, in milliseconds. */
const PATIENCE_MS = 5_000;

/** WebSockets of this class. */
export const webSocket = (server: Server, socketClass: WebSocketClass): Transport => (opening, { onFrame, onEnd }) => {
  const { token, timeoutMs } = opening;
  const query = queryOf(opening);
  let socket: WebSocket | undefined;
  let isReady = false;
  let isOver = false;
  /** What waits for a `pong`; they come in the order of their pings. */
  const pings: (() => void)[] = [];

  /** A failed handshake tells a page nothing; a plain request does: 426 would have been let in. */
  async function whyRefused(): Promise<Partial<End>> {
    const answer = await server.ask(PATH, { token, query, timeoutMs: PATIENCE_MS });
    return answer.status === 426 ? { isBlocked: 'path' } : endOf(answer);
  }

  async function onClose(code: number, reason: string): Promise<void> {
    if (isOver) return;
    close();
    // The server's own codes say enough.
    const why = isReady || code > 1006 ? {} : await whyRefused().catch(() => ({}));
    onEnd({ code, reason, ...why });
  }

  function send(frame: ClientFrame): void {
    if (socket?.readyState === 1) socket.send(JSON.stringify(frame));
  }

  function close(): void {
    isOver = true;
    clearTimeout(patience);
    socket?.close();
  }

  const patience = setTimeout(() => onClose(1006, 'no connection in time'), timeoutMs);
  const url = server.url(PATH, query);
  url.protocol = url.protocol.replace('http', 'ws');
  try {
    // The token as a subprotocol: what stands in a URL gets into the logs of proxies.
    socket = new socketClass(url.href, [SUBPROTOCOL, `bearer.${token}`]);
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data) as ServerFrame;
      if (frame.type === 'ready') {
        isReady = true;
        clearTimeout(patience);
      }
      if (frame.type === 'pong') pings.shift()?.();
      onFrame(frame);
    };
    socket.onclose = ({ code, reason }) => onClose(code, reason);
    // Not every Node sends a `close` after a handshake that failed.
    socket.onerror = () => isReady || onClose(1006, '');
  } catch (error) {
    // A page that came over TLS opens no socket without it, for one.
    queueMicrotask(() => onClose(1006, String(error)));
  }
  return {
    transport: 'websocket',
    canJoin: true,
    isTwoWay: true,
    send,
    ping() {
      const start = performance.now();
      return new Promise((resolve) => {
        pings.push(() => resolve(performance.now() - start));
        send({ action: 'ping' });
      });
    },
    close,
  };
};
