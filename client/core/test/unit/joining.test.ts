// Rooms, where they are joined and left while a connection is being made.
import { expect, test, vi } from 'vitest';
import { type Client, connect, type ServerFrame } from '../../src/index.js';
import type { WebSocketClass } from '../../src/transports/websocket.js';

const READY = { type: 'ready', data: { user_id: 'u1', server_time: 0, messages_per_minute: 60 } };

const joined = (room: string, seq = 0, epoch = 'e1') => ({ type: 'subscribed', room, epoch, seq, recovered: true });

const said = (seq: number, epoch = 'e1') => ({ seq, epoch, ts: 0, type: 'project_updated', room: 'project:p1', data: {} });

/** A server that says what it is told to, over sockets and streams. */
function stage() {
  const sockets: { asked: URL; sent: Record<string, unknown>[]; says(frame: object): void; breaks(): void }[] = [];
  const streams: { asked: URL; says(frame: object): void }[] = [];
  const read: string[] = [];
  let history = async () => Response.json({ epoch: 'e1', events: [], has_more: false });

  class Socket {
    readyState = 1;
    onmessage: ((message: { data: string }) => void) | null = null;
    onclose: ((close: { code: number; reason: string }) => void) | null = null;
    readonly sent: Record<string, unknown>[] = [];
    constructor(url: string) {
      sockets.push({
        asked: new URL(url),
        sent: this.sent,
        says: (frame) => this.onmessage?.({ data: JSON.stringify(frame) }),
        breaks: () => this.onclose?.({ code: 1006, reason: '' }),
      });
    }
    send(text: string): void {
      this.sent.push(JSON.parse(text));
    }
    close(): void {}
  }

  const answering: typeof fetch = async (input) => {
    const asked = new URL(String(input));
    if (asked.pathname.endsWith('/history')) {
      read.push(asked.pathname);
      return history();
    }
    if (asked.pathname !== '/api/events') return Response.json({});
    let told: ReadableStreamDefaultController<Uint8Array> | undefined;
    const body = new ReadableStream<Uint8Array>({ start: (controller) => void (told = controller) });
    streams.push({ asked, says: (frame) => told?.enqueue(new TextEncoder().encode(`data: ${JSON.stringify(frame)}\n\n`)) });
    // As the server's own: the type stands in front.
    return new Response(body.pipeThrough(typed()), { headers: { 'content-type': 'text/event-stream' } });
  };

  return {
    sockets,
    streams,
    read,
    reads: (answer: () => Promise<Response>) => (history = answer),
    connect: (options: Partial<Parameters<typeof connect>[0]> = {}): Client =>
      connect({
        url: 'http://chat.example',
        getToken: () => 'token',
        fetch: answering,
        WebSocket: Socket as unknown as WebSocketClass,
        historyLimit: 0,
        ...options,
      }),
  };
}

/** Puts `event:` before each frame. */
function typed(): TransformStream<Uint8Array, Uint8Array> {
  return new TransformStream({
    transform(piece, onward) {
      const text = new TextDecoder().decode(piece);
      const { type } = JSON.parse(text.slice('data: '.length)) as ServerFrame;
      onward.enqueue(new TextEncoder().encode(`event: ${type}\n${text}`));
    },
  });
}

const there = <T>(all: T[], at = 0): Promise<T> =>
  vi.waitFor(() => {
    const one = all[at];
    if (!one) throw new Error('not there');
    return one;
  });

test('a room that is wanted while a socket is being opened is joined as soon as it is', async () => {
  const { sockets, connect } = stage();
  const chat = connect();
  const socket = await there(sockets);
  expect(socket.asked.searchParams.getAll('room')).toEqual([]);
  void chat.join('project:p1');
  socket.says(READY);
  expect(socket.sent).toMatchObject([{ action: 'subscribe', data: { room: 'project:p1' } }]);
  chat.close();
});

test('a room that is wanted while a stream is being opened is joined by the one after it', async () => {
  const { streams, connect } = stage();
  const chat = connect({ mode: 'streaming' });
  const stream = await there(streams);
  void chat.join('project:p1');
  stream.says(READY);
  const next = await there(streams, 1);
  expect(next.asked.searchParams.getAll('room')).toEqual(['project:p1']);
  next.says(READY);
  next.says(joined('project:p1'));
  await vi.waitFor(() => expect(chat.rooms).toContain('project:p1'));
  expect(streams).toHaveLength(2);
  chat.close();
});

test('more rooms than a stream can name do not have it opened again and again', async () => {
  const { streams, connect } = stage();
  const rooms = Array.from({ length: 20 }, (_, at) => `project:p${at}`);
  const chat = connect({ mode: 'streaming', rooms });
  (await there(streams)).says(READY);
  await vi.waitFor(() => expect(chat.state.name).toBe('ready'));
  await new Promise((resolve) => setTimeout(resolve));
  expect(streams).toHaveLength(1);
  chat.close();
});

test('what is said while a stream takes the place of another is told once', async () => {
  const { streams, connect } = stage();
  const chat = connect({ mode: 'streaming', rooms: ['project:p1'] });
  const told: number[] = [];
  chat.on('event', (event) => 'seq' in event && told.push(event.seq));
  const first = await there(streams);
  for (const frame of [READY, joined('project:p1'), said(1)]) first.says(frame);
  await vi.waitFor(() => expect(told).toEqual([1]));
  void chat.join('project:p2');
  const second = await there(streams, 1);
  expect(second.asked.searchParams.getAll('room')).toContain('project:p1@e1:1');
  first.says(said(2));
  await vi.waitFor(() => expect(told).toEqual([1, 2]));
  for (const frame of [READY, joined('project:p1', 1), said(2), said(3)]) second.says(frame);
  await vi.waitFor(() => expect(told).toContain(3));
  expect(told).toEqual([1, 2, 3]);
  chat.close();
});

test('a history that cannot be read is told of, and what comes is told all the same', async () => {
  const { sockets, reads, connect } = stage();
  reads(async () => Response.json({ type: 'error', code: 'overloaded', content: 'Later.', canRetry: true }, { status: 503 }));
  const chat = connect({ historyLimit: 50 });
  const failed = new Promise((resolve) => chat.on('room', ({ room, isJoined, error }) => error && resolve([room, isJoined, error.code])));
  const event = new Promise((resolve) => chat.on('event', resolve));
  const socket = await there(sockets);
  for (const frame of [READY, joined('project:p1'), said(1)]) socket.says(frame);
  expect(await failed).toEqual(['project:p1', true, 'overloaded']);
  expect(await event).toMatchObject({ seq: 1 });
  chat.close();
});

test('what waited while a room was read is void when the room’s log begins anew', async () => {
  const { sockets, reads, connect } = stage();
  const answers: ((answer: Response) => void)[] = [];
  reads(() => new Promise((resolve) => answers.push(resolve)));
  const chat = connect({ historyLimit: 50 });
  const socket = await there(sockets);
  for (const frame of [READY, joined('project:p1'), said(2)]) socket.says(frame);
  await there(answers);
  socket.says({ ...joined('project:p1', 0, 'e2'), recovered: false });
  (await there(answers, 1))(Response.json({ epoch: 'e2', events: [], has_more: false }));
  await new Promise((resolve) => chat.on('reset', resolve));
  const told: unknown[] = [];
  chat.on('event', (event) => 'seq' in event && told.push([event.epoch, event.seq]));
  for (const seq of [1, 2]) socket.says(said(seq, 'e2'));
  expect(told).toEqual([['e2', 1], ['e2', 2]]);
  chat.close();
});

test('a room that was being left when the connection broke off is not joined by the next', async () => {
  const { sockets, connect } = stage();
  const chat = connect({ rooms: ['project:p1'] });
  const first = await there(sockets);
  for (const frame of [READY, joined('project:p1')]) first.says(frame);
  const left = chat.leave('project:p1');
  first.breaks();
  await expect(left).rejects.toMatchObject({ code: 'unreachable' });
  const second = await there(sockets, 1);
  expect(second.asked.searchParams.getAll('room')).toEqual([]);
  chat.close();
});
