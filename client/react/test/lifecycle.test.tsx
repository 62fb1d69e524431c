import './support/dom.js';
import { listened } from './support/dom.js';
import { connect } from '@causerie/client';
import { Component, type ReactNode, startTransition, StrictMode } from 'react';
import { hydrateRoot } from 'react-dom/client';
import { renderToString } from 'react-dom/server';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import {
  CauserieProvider,
  type Chat,
  ConnectionQualityCard,
  useChat,
  useClient,
  useConnection,
  useConnectionQuality,
  useOfflineQueue,
  usePresence,
  useTyping,
} from '../src/index.js';
import { Servers, SOCKET, tokenOf } from './support/servers.js';
import { type Given, hook, isQuiet, mount, Shown, unmountAll, View, within } from './support/view.js';

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
});

function useEverything(sessionId = 's') {
  return {
    chat: useChat({ room: 'project:p1', sessionId }),
    connection: useConnection(),
    quality: useConnectionQuality({ intervalMs: 1_000 }),
    queue: useOfflineQueue(),
    typing: useTyping('project:p1'),
    presence: usePresence('project:p2'),
    client: useClient(),
  };
}

/** Timers that this package and the client have set and that have not ended. */
function watchTimers() {
  const running = new Map<unknown, string>();
  const isOurs = (stack: string) => /\/(react\/src|core\/dist)\//.test(stack);
  const { setTimeout: once, setInterval: again, clearTimeout: clearOnce, clearInterval: clearAgain } = globalThis;
  const set = (timer: unknown) => {
    const { stack = '' } = new Error();
    if (isOurs(stack)) running.set(timer, stack);
    return timer;
  };
  const clear = (timer: unknown) => void running.delete(timer);
  vi.spyOn(globalThis, 'setTimeout').mockImplementation(((work: () => void, ms?: number) => {
    const timer = once(() => {
      clear(timer);
      work();
    }, ms);
    return set(timer);
  }) as typeof setTimeout);
  vi.spyOn(globalThis, 'setInterval').mockImplementation(((work: () => void, ms?: number) => set(again(work, ms))) as typeof setInterval);
  vi.spyOn(globalThis, 'clearTimeout').mockImplementation((timer) => {
    clear(timer);
    clearOnce(timer);
  });
  vi.spyOn(globalThis, 'clearInterval').mockImplementation((timer) => {
    clear(timer);
    clearAgain(timer);
  });
  return running;
}

test.each([true, false])('one connection, and nothing is left of it; strict mode: %s', async (isStrict) => {
  const way = await servers.proxy();
  const timers = watchTimers();
  const sockets = new Set<unknown>();
  class Counted extends SOCKET {
    constructor(...args: ConstructorParameters<typeof SOCKET>) {
      super(...args);
      sockets.add(this);
    }
  }
  const before = listened.length;
  let tokens = 0;
  const getToken = () => {
    tokens += 1;
    return tokenOf(`strict-${isStrict}`);
  };
  const options = servers.options('', { url: way.url, WebSocket: Counted, getToken });
  const view = hook(() => useEverything(`strict-${isStrict}`), { options, isStrict });
  await view.is('up', ({ connection, chat, quality }) => connection.isUp && !chat.isLoading && quality.latencyMs !== null);
  view.now.chat.send('hello');
  await view.is('answered', ({ chat }) => chat.messages.length === 2 && chat.status === 'idle');
  expect(way.asked.filter((asked) => asked.startsWith('UPGRADE'))).toHaveLength(1);
  expect(tokens).toBe(1);
  expect(sockets.size).toBe(1);
  // In strict mode all is begun twice, and heard once.
  expect(view.now.chat.messages.map(({ text }) => text)).toEqual(['hello', 'You said: hello']);
  expect(listened.length).toBeGreaterThan(before);
  expect(timers.size).toBeGreaterThan(0);
  const { client } = view.now;
  const shown = view.shown.length;
  view.unmount();
  await vi.waitFor(() => expect(client?.state.name).toBe('closed'));
  expect(listened).toHaveLength(before);
  const [socket] = sockets as Set<{ readyState: number }>;
  await vi.waitFor(() => expect(socket?.readyState).toBe(3));
  expect([...timers.values()]).toEqual([]);
  expect(view.shown).toHaveLength(shown);
  isQuiet(complaints);
});

test('what is done when the tree is gone connects nobody', async () => {
  const way = await servers.proxy();
  const view = hook(() => useEverything(), { options: servers.options('late', { url: way.url }) });
  await view.is('up', ({ connection, chat }) => connection.isUp && !chat.isLoading);
  const { chat, connection, queue, typing, presence, client } = view.now;
  view.unmount();
  await vi.waitFor(() => expect(client?.state.name).toBe('closed'));
  const asked = way.asked.length;
  const timers = watchTimers();
  await expect(chat.send('too late').acked).rejects.toMatchObject({ code: 'closed' });
  await expect(presence.setStatus('away')).rejects.toMatchObject({ code: 'closed' });
  await chat.cancel();
  chat.retry();
  await chat.loadOlder();
  typing.typing();
  typing.stopTyping();
  queue.process();
  queue.clear();
  connection.close();
  expect([...timers.values()]).toEqual([]);
  expect(way.asked.slice(asked)).toEqual([]);
});

test('what was over begins anew when it is looked at again', async () => {
  const options = servers.options('returns');
  const client = connect(servers.options('given'));
  try {
    const view = new View<ReturnType<typeof useEverything>>();
    const tree = (given: Given) => within(given, <Shown of={() => useEverything()} to={view} />);
    const { render } = mount(tree({ options }));
    const userId = (shown: ReturnType<typeof useEverything>) => shown.connection.isUp && shown.client?.ready?.user_id;
    const { client: first } = await view.is('its own', (shown) => userId(shown) === 'returns');
    render(tree({ client } as Given));
    await view.is('the one that is given', (shown) => userId(shown) === 'given');
    await vi.waitFor(() => expect(first?.state.name).toBe('closed'));
    render(tree({ options }));
    const { client: last } = await view.is('its own again', (shown) => userId(shown) === 'returns' && !shown.chat.isLoading);
    expect(last).not.toBe(first);
    expect(client.state.name).toBe('ready');
  } finally {
    client.close();
  }
});

test('a tree that looks at nothing does not connect', async () => {
  const getToken = vi.fn(() => tokenOf('nobody'));
  const { unmount } = mount(within({ options: servers.options('', { getToken }) }, <p>nothing</p>));
  await vi.waitFor(() => expect(document.querySelector('p')).not.toBeNull());
  unmount();
  expect(getToken).not.toHaveBeenCalled();
});

test('on a server all is there, as before there is a connection, and nothing is begun', async () => {
  const getToken = vi.fn(() => tokenOf('nobody'));
  const timers = watchTimers();
  let seen: ReturnType<typeof useEverything> | undefined;
  function Page(): ReactNode {
    seen = useEverything();
    return (
      <>
        <p>{seen.connection.text}</p>
        <ConnectionQualityCard />
      </>
    );
  }
  const tree = (
    <StrictMode>
      <CauserieProvider options={servers.options('', { getToken })}>
        <Page />
      </CauserieProvider>
    </StrictMode>
  );
  const html = renderToString(tree);
  expect(html).toContain('<p>Connecting…</p>');
  expect(html).toContain('No connection');
  expect(seen).toMatchObject({
    chat: { messages: [], isLoading: true, status: 'idle' },
    connection: { isUp: false },
    quality: { grade: 'offline' },
    queue: { entries: [] },
    typing: { users: [] },
    presence: { people: [] },
    client: null,
  });
  expect(getToken).not.toHaveBeenCalled();
  expect(timers.size).toBe(0);
  isQuiet(complaints);
});

test('what a server has rendered is taken over by a page without a complaint', async () => {
  const view = new View<ReturnType<typeof useEverything>>();
  const tree = within(
    { options: servers.options('hydrates'), isStrict: true },
    <Shown of={() => useEverything()} to={view}>
      {({ chat, connection }) => (
        <p>
          {connection.text} {chat.messages.length}
        </p>
      )}
    </Shown>,
  );
  const place = document.body.appendChild(document.createElement('div'));
  place.innerHTML = renderToString(tree);
  const paragraph = place.querySelector('p');
  const root = hydrateRoot(place, tree);
  await view.is('up', ({ connection }) => connection.isUp);
  await vi.waitFor(() => expect(place.textContent).toBe('Connected. 0'));
  expect(place.querySelector('p')).toBe(paragraph);
  isQuiet(complaints);
  root.unmount();
  place.remove();
});

test('no two components show different states of one conversation', async () => {
  // Nobody is there: what is sent is queued, and shown, at once.
  const options = servers.options('tears', { url: 'http://127.0.0.1:9' });
  const view = new View<Chat>();
  let isSlow = false;
  let rendered = 0;
  function Slow({ turn }: { turn: number }): ReactNode {
    const { messages } = useChat();
    rendered += 1;
    for (const end = performance.now() + (isSlow ? 8 : 0); performance.now() < end; );
    return <i data-turn={turn}>{messages.length}</i>;
  }
  const many = Array.from({ length: 30 }, (_, at) => at);
  const tree = (turn: number) =>
    within(
      { options },
      <>
        <Shown of={useChat} to={view} />
        {many.map((at) => (
          <Slow key={at} turn={turn} />
        ))}
      </>,
    );
  const { place, render } = mount(tree(0));
  await view.is('shown', () => true);
  const cells = () => [...place.querySelectorAll('i')];
  await vi.waitFor(() => expect(cells()).toHaveLength(many.length));
  isSlow = true;
  const before = rendered;
  startTransition(() => render(tree(1)));
  // In the midst of rendering, which React does in pieces.
  await vi.waitFor(() => expect(rendered).toBeGreaterThan(before), { interval: 1 });
  expect(rendered - before).toBeLessThan(many.length);
  expect(cells().every((cell) => cell.dataset['turn'] === '0')).toBe(true);
  view.now.send('while it renders', { ai: false });
  const different: string[][] = [];
  const look = () => {
    const shown = cells().map(({ textContent }) => textContent ?? '');
    if (new Set(shown).size > 1) different.push(shown);
    return shown;
  };
  await vi.waitFor(
    () => {
      look();
      expect(cells().every((cell) => cell.dataset['turn'] === '1')).toBe(true);
    },
    { interval: 1, timeout: 20_000 },
  );
  expect(new Set(look())).toEqual(new Set(['1']));
  expect(different).toEqual([]);
});

class Boundary extends Component<{ children: ReactNode }> {
  override state: { message?: string } = {};

  static getDerivedStateFromError({ message }: Error) {
    return { message };
  }

  override render(): ReactNode {
    return this.state.message ?? this.props.children;
  }
}

test.each([
  ['an option that is wrong', { options: { url: 'chat.example.com', tenantHash: 'demo' } }, '`url` is "chat.example.com"'],
  ['no client at all', {} as { options: never }, 'A CauserieProvider needs a `client`'],
])('%s is shown to the nearest boundary', async (_what, given, message) => {
  complaints.mockImplementation(() => {});
  const view = new View<unknown>();
  const { place } = mount(<Boundary>{within(given as never, <Shown of={useConnection} to={view} />)}</Boundary>);
  await vi.waitFor(() => expect(place.textContent).toContain(message));
});

test('a hook outside says what is missing', async () => {
  complaints.mockImplementation(() => {});
  const { place } = mount(
    <Boundary>
      <Shown of={useChat} to={new View()} />
    </Boundary>,
  );
  await vi.waitFor(() => expect(place.textContent).toContain('inside a <CauserieProvider>'));
});
