import { CauserieError, errorOf } from '../errors.js';
import { DRAINING } from '../protocol/generated/constants.js';
import type { ServerFrame } from '../protocol/frames.js';
import { EventStreamReader } from './event-stream.js';
import { poster } from './poster.js';
import { queryOf } from './query.js';
import { endBy, endOf, type Server } from './server.js';
import type { End, Transport } from './transport.js';

/**
 * Server-Sent Events, read with `fetch`: an EventSource sets no header, so that the token would
 * stand in the URL, tells no status of a refusal, and is missing in Node.
 */
export const streaming = (server: Server): Transport => (opening, { onFrame, onLife, onEnd }) => {
  const { token, timeoutMs } = opening;
  const stop = new AbortController();
  const lost = { code: 1006, reason: 'broken off' };
  // What begins and then says nothing is being gathered by something on the way.
  const patience = setTimeout(() => onEnd({ ...lost, reason: 'no events', isBlocked: 'path' }), timeoutMs);

  async function run(): Promise<End> {
    const answer = await server.ask('api/events', { token, query: queryOf(opening), stop, timeoutMs });
    if (!answer.ok || !answer.body) return endOf(answer);
    let end: End = lost;
    // It comes first as a rule, and then because the node drains.
    let retries = 0;
    const events = new EventStreamReader({
      onEvent(data) {
        const frame = JSON.parse(data) as ServerFrame;
        if (frame.type === 'ready') clearTimeout(patience);
        if (frame.type === 'error') end = endBy(errorOf(frame));
        onFrame(frame);
      },
      onRetry(ms) {
        if (retries++) end = { code: DRAINING, reason: `reconnect after=${ms}` };
      },
    });
    const text = new TextDecoder();
    const reader = answer.body.getReader();
    for (;;) {
      const piece = await reader.read().catch(() => null);
      if (!piece || piece.done) return end;
      onLife();
      events.read(text.decode(piece.value, { stream: true }));
    }
  }

  run().catch(endBy).then(onEnd);
  return {
    transport: 'streaming',
    canJoin: false,
    isTwoWay: false,
    send: poster(server, token, stop, {
      onAnswer: onFrame,
      onFailure: (error: CauserieError) => onEnd(endBy(error)),
    }),
    ping: () => server.time(),
    close() {
      clearTimeout(patience);
      stop.abort();
    },
  };
};
