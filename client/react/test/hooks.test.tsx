import './support/dom.js';
import { type Client, connect } from '@causerie/client';
import { storageOn } from '@causerie/client/storage';
import { memo, version } from 'react';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import {
  type Chat,
  type ChatMessage,
  type PresenceView,
  useChat,
  useClient,
  useConnection,
  useOfflineQueue,
  usePresence,
  useTyping,
} from '../src/index.js';
import { Servers } from './support/servers.js';
import { hook, isQuiet, mount, Shown, unmountAll, View, within } from './support/view.js';

let servers: Servers;

beforeAll(async () => {
  servers = await Servers.start();
});
afterAll(() => servers.end());

const error = () => vi.spyOn(console, 'error');
let complaints: ReturnType<typeof error>;
beforeEach(() => {
  complaints = error();
});
afterEach(() => {
  unmountAll();
  isQuiet(complaints);
});

const isRead = ({ isLoading }: Chat) => !isLoading;
const isAnswered = ({ messages, status }: Chat) => status === 'idle' && messages.at(-1)?.role === 'assistant';
const lines = ({ messages }: Chat) => messages.map(({ text, state }) => `${text} ${state}`);

test('it is the React that is meant', ({ task }) => {
  expect(task.file.projectName).toBe(`react-${version.split('.')[0]}`);
});

test('a message is queued, then sent, and its reply streams; only what changes is rendered again', async () => {
  const view = new View<Chat>();
  const rendered: string[] = [];
  const Row = memo(({ message: { key, text, state } }: { message: ChatMessage }) => {
    rendered.push(`${text.slice(0, 8)} ${state}`);
    return <li data-key={key}>{text}</li>;
  });
  const of = () => useChat({ sessionId: 's' });
  const rows = ({ messages }: Chat) => messages.map((message) => <Row key={message.key} message={message} />);
  const { place } = mount(within({ options: servers.options('chats') }, <Shown of={of} to={view}>{rows}</Shown>));
  await view.is('read', isRead);
  const text = 'one two three '.repeat(20).trim();
  view.now.send(text);
  await view.is('queued', ({ messages }) => messages[0]?.state === 'queued');
  const item = place.querySelector('li');
  await view.is('streaming', ({ status }) => status === 'streaming');
  await view.is('answered', isAnswered);
  expect(lines(view.now)).toEqual([`${text} sent`, `You said: ${text} sent`]);
  expect(view.shown.every(({ messages }) => messages.filter((message) => message.text === text).length <= 1)).toBe(true);
  // The same element, from when it was written.
  expect(place.querySelectorAll('li')).toHaveLength(2);
  expect(place.querySelector('li')).toBe(item);
  const replies = rendered.filter((line) => line.startsWith('You said'));
  expect(replies.length).toBeGreaterThan(5);
  // As it was written, as the ack placed it, and as the log has it.
  expect(rendered.filter((line) => line.startsWith('one two')).length).toBeLessThanOrEqual(3);
});

test('a reply is cancelled', async () => {
  const view = hook(() => useChat(), { options: servers.options('cancels') });
  await view.is('read', isRead);
  view.now.send('word '.repeat(2_000));
  await view.is('streaming', ({ status }) => status === 'streaming');
  await view.now.cancel();
  await view.is('cancelled', ({ messages, status }) => status === 'idle' && messages.at(-1)?.state === 'cancelled');
});

test('what is refused has failed, and is retried and taken back by its key', async () => {
  const view = hook(() => useChat({ room: 'project:secret' }), { options: servers.options('refused') });
  await view.is('not joined', (chat) => chat.error?.code === 'forbidden');
  view.now.send('hello');
  const { messages } = await view.is('failed', (chat) => chat.messages[0]?.state === 'failed');
  expect(messages[0]?.error?.code).toBe('forbidden');
  view.now.retry(messages[0]?.key);
  await view.is('queued', (chat) => chat.messages[0]?.state === 'queued');
  await view.is('failed again', (chat) => chat.messages[0]?.state === 'failed');
  await view.now.cancel(messages[0]?.key);
  await view.is('gone', (chat) => chat.messages.length === 0);
});

test('a conversation is read back page by page, and another one is shown when it is named', async () => {
  const options = servers.options('pages', { historyLimit: 2 });
  const other = servers.person('pages');
  for (let at = 1; at <= 4; at++) await other.client.send(`message ${at}`, { ai: false, sessionId: 'a' }).acked;
  await other.client.send('elsewhere', { ai: false, sessionId: 'b' }).acked;
  const view = new View<Chat>();
  const tree = (sessionId: string) => within({ options }, <Shown of={() => useChat({ sessionId })} to={view} />);
  const { render } = mount(tree('a'));
  await view.is('the end of it', (chat) => isRead(chat) && chat.messages.length > 0);
  expect(lines(view.now)).toEqual(['message 4 sent']);
  expect(view.now.hasOlder).toBe(true);
  await view.now.loadOlder();
  await view.is('all of it', ({ messages }) => messages.length === 4);
  expect(view.now.hasOlder).toBe(false);
  const { send } = view.now;
  render(tree('b'));
  await view.is('the other', (chat) => isRead(chat) && chat.messages[0]?.text === 'elsewhere');
  expect(view.now.send).not.toBe(send);
  // What was shown is there at once when one comes back.
  const from = view.shown.length;
  render(tree('a'));
  await view.is('the first', ({ messages }) => messages.length > 1);
  expect(view.shown.slice(from).every(({ messages }) => messages.length === 4 || messages.length === 1)).toBe(true);
});

test('rooms that were named when connecting are kept, others left, and one that is left is joined again', async () => {
  const view = new View<{ chat: Chat; client: Client | null }>();
  const of = (room: string) => () => ({ chat: useChat({ room }), client: useClient() });
  const options = servers.options('walks', { rooms: ['project:p1'] });
  const { render } = mount(within({ options }, <Shown of={of('project:p1')} to={view} />));
  const { client } = await view.is('read', ({ chat }) => isRead(chat));
  const go = (room: string) => render(within({ options }, <Shown of={of(room)} to={view} />));
  const changes: string[] = [];
  client?.on('room', ({ room, isJoined }) => void changes.push(`${isJoined ? 'in' : 'out of'} ${room}`));
  go('project:p2');
  await vi.waitFor(() => expect(changes).toEqual(['in project:p2']));
  go('project:p1');
  // As soon as it has begun to leave.
  await view.is('the first again', () => view.shown.length > 2);
  go('project:p2');
  await vi.waitFor(() => expect(changes.at(-1)).toBe('in project:p2'));
  const other = servers.person('walks-too');
  await other.client.send('heard', { room: 'project:p2', ai: false, sessionId: 'walking' }).acked;
  await view.is('heard', ({ chat }) => chat.messages.at(-1)?.text === 'heard');
  expect(client?.rooms).toContain('project:p1');
  go('project:p1');
  await vi.waitFor(() => expect(client?.rooms).not.toContain('project:p2'));
  expect(client?.rooms).toContain('project:p1');
});

test('what is written offline waits, is taken back or processed by hand, and goes out', async () => {
  const way = await servers.proxy();
  const { port } = way;
  await way.shut();
  const url = `http://127.0.0.1:${port}`;
  const view = hook(() => ({ chat: useChat(), queue: useOfflineQueue(), connection: useConnection() }), {
    options: servers.options('offline', { url }),
  });
  await view.is('shown', () => true);
  for (const text of ['a', 'b', 'c']) view.now.chat.send(text, { ai: false });
  const { queue } = await view.is('queued', ({ queue: { waiting } }) => waiting === 3);
  expect(view.now.connection.isUp).toBe(false);
  queue.clear(queue.entries[1]?.id);
  await view.is('taken back', ({ queue: { waiting } }) => waiting === 2);
  expect(lines(view.now.chat)).toEqual(['a queued', 'c queued']);
  await way.open(port);
  await view.is('gone out', ({ queue: { entries } }) => entries.length === 0);
  await view.is('sent', ({ chat }) => lines(chat).join() === 'a sent,c sent');
  const client = servers.person('offline').client;
  const { events } = await client.history();
  expect(events.map((event) => (event.type === 'new_message' ? event.data.content : event.type))).toEqual(['a', 'c']);
});

test('what was written offline is sent by the next page', async () => {
  const way = await servers.proxy();
  const { port, url } = way;
  await way.shut();
  const kept = new Map<string, string>();
  const storage = storageOn({
    get: (key) => kept.get(key) ?? null,
    set: (key, value) => void kept.set(key, value),
    remove: (key) => void kept.delete(key),
  });
  const page = () => hook(() => ({ chat: useChat(), queue: useOfflineQueue() }), { options: servers.options('leaves', { url, storage }) });
  const first = page();
  await first.is('shown', () => true);
  first.now.chat.send('left behind', { ai: false });
  await first.is('queued', ({ queue }) => queue.waiting === 1);
  await vi.waitFor(() => expect([...kept.values()].join()).toContain('left behind'));
  first.unmount();
  await way.open(port);
  const next = page();
  await next.is('sent', ({ chat, queue }) => queue.entries.length === 0 && lines(chat).join() === 'left behind sent');
  expect(next.shown.some(({ queue }) => queue.waiting === 1)).toBe(true);
});

test('what has failed is listed, and processed by hand', async () => {
  const view = hook(() => ({ queue: useOfflineQueue(), client: useClient() }), { options: servers.options('processes') });
  const { client } = await view.is('the client', (shown) => shown.client !== null);
  client?.send('hello', { room: 'project:secret' });
  const { queue } = await view.is('failed', (shown) => shown.queue.failed === 1);
  expect(queue.entries).toMatchObject([{ state: 'failed', data: { user_input: 'hello' } }]);
  queue.process();
  await view.is('sent again', (shown) => shown.queue.waiting === 1);
  await view.is('failed again', (shown) => shown.queue.failed === 1);
  queue.clear();
  await view.is('taken back', (shown) => shown.queue.entries.length === 0);
});

test('the connection is shown, closed, and opened again', async () => {
  const view = hook(useConnection, { options: servers.options('connects') });
  await view.is('up', ({ isUp }) => isUp);
  expect(view.shown[0]).toMatchObject({ isUp: false, state: { name: 'connecting' } });
  expect(view.now.text).toBe('Connected.');
  view.now.close();
  await view.is('closed', ({ state }) => state.name === 'closed');
  view.now.reconnect();
  await view.is('up again', ({ isUp }) => isUp);
  const { close, reconnect } = view.shown[0] ?? {};
  expect(view.shown.every((shown) => shown.close === close && shown.reconnect === reconnect)).toBe(true);
});

test('others are shown as they type, and the assistant; they are told that one does', async () => {
  const room = 'project:p2';
  const other = servers.person('typist', [room]);
  await other.hears('it has joined', 'room', ({ room: of }) => of === room);
  const view = hook(() => ({ typing: useTyping(room), own: useTyping(), chat: useChat(), connection: useConnection() }), {
    options: servers.options('watches'),
  });
  await view.is('read', ({ chat }) => isRead(chat));
  // The room is joined: what is said there is heard.
  await other.hears('the other has come', 'event', ({ type, room: of }) => type === 'user_joined' && of === room);
  other.client.typing(room);
  await view.is('somebody types', ({ typing }) => typing.users.includes('typist'));
  other.client.stopTyping(room);
  await view.is('no more', ({ typing }) => typing.users.length === 0);
  view.now.typing.typing();
  await other.hears('one types', 'typing', ({ room: of, users }) => of === room && users.includes('watches'));
  view.now.typing.stopTyping();
  await other.hears('no more', 'typing', ({ room: of, users }) => of === room && !users.includes('watches'));
  view.now.chat.send('word '.repeat(50));
  await view.is('the assistant types', ({ own }) => own.isAssistantTyping);
  expect(view.now.own.users).toEqual([]);
  await view.is('no more', ({ own, chat }) => !own.isAssistantTyping && isAnswered(chat));
});

test('others are shown as they come, change and go', async () => {
  const room = 'project:p1';
  const witness = servers.person('witness', [room]);
  await witness.hears('it has joined', 'room', ({ room: of }) => of === room);
  const view = hook(() => usePresence(room), { options: servers.options('looks') });
  await witness.hears('it looks', 'event', (event) => event.type === 'user_joined' && event.data.user_id === 'looks');
  expect(view.shown[0]).toMatchObject({ people: [], status: null });
  const other = servers.person('comes', [room]);
  const statusOf = (user: string) => ({ people }: PresenceView) => people.find(({ userId }) => userId === user)?.status;
  await view.is('somebody has come', (shown) => statusOf('comes')(shown) === 'online');
  await other.client.setStatus('busy');
  await view.is('is busy', (shown) => statusOf('comes')(shown) === 'busy');
  // Who was there before is seen as soon as they do something.
  await witness.client.setStatus('away');
  await view.is('another one', (shown) => statusOf('witness')(shown) === 'away');
  await other.client.leave(room);
  await view.is('gone', (shown) => statusOf('comes')(shown) === undefined);
  await view.now.setStatus('away');
  await view.is('one’s own', ({ status }) => status === 'away');
  await witness.hears('told', 'event', (event) => event.type === 'user_status_changed' && event.data.user_id === 'looks');
});

test('a client that was given is not closed with the tree', async () => {
  const client = connect(servers.options('given'));
  try {
    const view = hook(() => ({ client: useClient(), connection: useConnection() }), { client });
    await view.is('up', ({ connection }) => connection.isUp);
    expect(view.shown[0]?.client).toBe(client);
    view.unmount();
    await Promise.resolve();
    expect(client.state.name).toBe('ready');
  } finally {
    client.close();
  }
});
