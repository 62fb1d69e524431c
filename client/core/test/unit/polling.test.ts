// Plain requests: what is asked for is asked for once at a time.
import { expect, test, vi } from 'vitest';
import { connect } from '../../src/index.js';

/** A server of which each answer takes a moment; `together` is how many histories it was asked for at once, at the most. */
function slowServer() {
  let asked = 0;
  const told = { together: 0, posted: 0 };
  const answering: typeof fetch = async (input, init) => {
    const isHistory = new URL(String(input)).pathname.endsWith('/history');
    told.together = Math.max(told.together, (asked += Number(isHistory)));
    await new Promise((resolve) => setTimeout(resolve, 20));
    asked -= Number(isHistory);
    if (isHistory) return Response.json({ epoch: 'e1', events: [], has_more: false });
    told.posted += 1;
    const { id } = JSON.parse(String(init?.body));
    const data = { message_id: id, session_id: 's1', room: 'user:u1', epoch: 'e1', seq: told.posted };
    return Response.json({ type: 'ack', id, data });
  };
  return { told, answering };
}

test('what is said while the rooms are being read does not have them read twice at a time', async () => {
  const { told, answering } = slowServer();
  const chat = connect({ url: 'http://chat.example', getToken: () => 'token', mode: 'http', pollMs: 1, historyLimit: 0, fetch: answering });
  for (let at = 0; at < 5; at++) await chat.send(`number ${at}`, { ai: false }).acked;
  await vi.waitFor(() => expect(told.posted).toBe(5));
  expect(told.together).toBe(1);
  chat.close();
});
