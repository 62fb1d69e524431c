// The state machine, with links that do as they are told, and a clock that runs as it is told.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Connection } from '../../src/connection/connection.js';
import { Ladder } from '../../src/connection/ladder.js';
import type { ConnectionOptions, Owner } from '../../src/connection/owner.js';
import type { Page, PageEvents } from '../../src/connection/page.js';
import type { State } from '../../src/connection/state.js';
import { Tokens } from '../../src/connection/tokens.js';
import { CauserieError } from '../../src/errors.js';
import type { Ready } from '../../src/protocol/generated/types.js';
import type { End, Hearing, Link, Opening, TransportName } from '../../src/transports/transport.js';

const OPTIONS: Omit<ConnectionOptions, 'page'> = {
  minDelayMs: 1_000,
  maxDelayMs: 30_000,
  jitter: 1,
  heartbeatMs: 25_000,
  pongTimeoutMs: 5_000,
  connectTimeoutMs: 10_000,
  offlineAfter: 5,
  giveUp: false,
};

beforeEach(() => {
  vi.useFakeTimers();
  // Always the longest that chance allows.
  vi.spyOn(Math, 'random').mockReturnValue(0);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

interface Opened {
  name: TransportName;
  opening: Opening;
  hearing: Hearing;
  isClosed: boolean;
}

const READY = { server_time: 0, user_id: 'u1', messages_per_minute: 60 } as Ready;

function world(options: Partial<ConnectionOptions> = {}, getToken: () => Promise<string> = async () => 'token') {
  const opened: Opened[] = [];
  const states: State[] = [];
  let page: PageEvents | undefined;
  let isOnline = true;
  const ladder = new Ladder(['websocket', 'streaming'], 3);
  const open =
    (name: TransportName) =>
    (opening: Opening, hearing: Hearing): Link => {
      const one: Opened = { name, opening, hearing, isClosed: false };
      opened.push(one);
      return {
        transport: name,
        canJoin: true,
        isTwoWay: name === 'websocket',
        send: () => {},
        ping: () => new Promise(() => {}),
        close: () => (one.isClosed = true),
      };
    };
  const transports = { websocket: open('websocket'), streaming: open('streaming') };
  const owner: Owner = {
    onIdentity: () => ladder,
    roomsToName: (isBare) => (isBare ? [] : [{ room: 'project:p1' }]),
    onReady: vi.fn(),
    onFrame: vi.fn(),
    onDown: vi.fn(),
    authenticate: vi.fn(async () => {}),
    onState: (state) => states.push(state),
  };
  const thisPage: Page = {
    isOnline: () => isOnline,
    listen: (events) => {
      page = events;
      return () => (page = undefined);
    },
  };
  const tokens = new Tokens({ isOfVisitor: false, get: getToken });
  const connection = new Connection({ ...OPTIONS, page: thisPage, ...options }, transports, tokens, owner);
  const last = () => opened.at(-1) as Opened;
  return {
    connection,
    owner,
    opened,
    states,
    last,
    start: () => {
      connection.start();
      return vi.advanceTimersByTimeAsync(0);
    },
    ready: () => last().hearing.onFrame({ type: 'ready', data: READY }),
    end: (end: Partial<End> = {}) => last().hearing.onEnd({ code: 1006, reason: '', ...end }),
    after: (ms: number) => vi.advanceTimersByTimeAsync(ms),
    page: () => page,
    goOffline: () => (isOnline = false),
    /** After how long the next link is opened, to a hundredth of a second. */
    async untilNext(most = 120_000) {
      const { length } = opened;
      for (let ms = 0; ms <= most; ms += 10) {
        if (opened.length > length) return ms;
        await vi.advanceTimersByTimeAsync(10);
      }
      return null;
    },
  };
}

test('it connects, and tells by what', async () => {
  const one = world();
  await one.start();
  expect(one.states.map(({ name }) => name)).toEqual(['connecting']);
  one.ready();
  expect(one.connection.state).toEqual({ name: 'ready', transport: 'websocket' });
  expect(one.owner.onReady).toHaveBeenCalledOnce();
});

test('a try that fails is followed by others, the later the more there were', async () => {
  const one = world({ jitter: 0 });
  vi.mocked(Math.random).mockReturnValue(0.999);
  await one.start();
  const waits: (number | null)[] = [];
  for (let at = 0; at < 8; at++) {
    one.end();
    waits.push(await one.untilNext());
  }
  const [first, ...others] = waits;
  expect(first).toBeLessThanOrEqual(260);
  expect(others.map((ms) => Math.round((ms ?? 0) / 1_000))).toEqual([1, 2, 4, 8, 30, 30, 30]);
  const names = one.states.map(({ name }) => name);
  expect(names.slice(0, 9)).toEqual(Array(9).fill('connecting'));
  expect(names.slice(-6)).toEqual(Array(6).fill('offline'));
  expect(one.opened.map(({ opening }) => opening.attempt)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test('one that gives up stops where the state would be offline for good', async () => {
  const one = world({ giveUp: true });
  await one.start();
  for (let at = 0; at < 6; at++) {
    one.end();
    if (at < 5) await one.untilNext();
  }
  expect(one.connection.state).toMatchObject({ name: 'closed', comesBack: 'when_you_act' });
  one.connection.act();
  expect(await one.untilNext(1_000)).not.toBeNull();
});

describe('a connection that was there', () => {
  async function lost(end: Partial<End>, forMs = 10_000) {
    const one = world();
    await one.start();
    one.ready();
    await one.after(forMs);
    one.end(end);
    return one;
  }

  test('comes back within a quarter of a second, and says how it was away', async () => {
    const one = await lost({});
    expect(one.connection.state.name).toBe('recovering');
    expect(await one.untilNext()).toBeLessThanOrEqual(260);
    expect(one.last().opening).toMatchObject({ attempt: 1, last: 'websocket', awayMs: expect.any(Number) });
    expect(one.owner.onDown).toHaveBeenCalledOnce();
  });

  test('comes back when the node that drained said', async () => {
    const one = await lost({ code: 1012, reason: 'reconnect after=7000' });
    one.page()?.onWake();
    expect(await one.untilNext()).toBe(7_000);
  });

  test('spares one that is overloaded the quick first try', async () => {
    vi.mocked(Math.random).mockReturnValue(0);
    const one = await lost({ code: 1013 });
    expect(await one.untilNext()).toBe(1_000);
  });

  test('waits as long as a refusal says, and chance a little more', async () => {
    const one = await lost({});
    await one.untilNext();
    one.end({ error: new CauserieError('rate_limited', '', { canRetry: true, retryAfterMs: 20_000 }) });
    expect(await one.untilNext()).toBeGreaterThanOrEqual(20_000);
  });

  test.each([4503, 4508, 4510])('stays away after %i', async (code) => {
    const one = await lost({ code });
    expect(one.connection.state).toMatchObject({ name: 'closed', comesBack: 'never', reason: { closeCode: code } });
    one.connection.act();
    expect(await one.untilNext()).toBeNull();
    one.connection.start();
    expect(await one.untilNext()).toBe(10);
  });

  test('sleeps after 4509 until the person acts', async () => {
    const one = await lost({ code: 4509 });
    expect(await one.untilNext()).toBeNull();
    one.connection.act();
    expect(await one.untilNext()).toBe(10);
  });

  test('is dead without a sign of life, and comes back', async () => {
    const one = world();
    await one.start();
    one.ready();
    await one.after(29_999);
    expect(one.connection.state.name).toBe('ready');
    await one.after(1);
    expect(one.connection.state).toMatchObject({ name: 'recovering', reason: { text: 'no sign of life' } });
  });
});

test('a server that lets in and sends away at once is not rushed at', async () => {
  vi.mocked(Math.random).mockReturnValue(0);
  const one = world({ jitter: 0 });
  await one.start();
  const waits: (number | null)[] = [];
  for (let at = 0; at < 5; at++) {
    one.ready();
    one.end({ code: 4010 });
    waits.push(await one.untilNext());
  }
  expect(waits.at(-1)).toBeGreaterThanOrEqual(8_000);
});

describe('tokens', () => {
  test('that were refused are replaced twice, and then it is closed', async () => {
    let made = 0;
    const one = world({}, async () => `token ${(made += 1)}`);
    await one.start();
    for (let at = 0; at < 3; at++) {
      one.end({ error: new CauserieError('unauthorized', 'no') });
      await one.after(60_000);
    }
    expect(one.opened.map(({ opening }) => opening.token)).toEqual(['token 1', 'token 2', 'token 3']);
    expect(one.connection.state).toMatchObject({ name: 'closed', comesBack: 'never' });
  });

  test('that cannot be got are asked for again', async () => {
    let made = 0;
    const one = world({}, async () => {
      if ((made += 1) < 3) throw new CauserieError('no_token', 'no');
      return 'token';
    });
    await one.start();
    expect(await one.untilNext()).not.toBeNull();
    expect(made).toBe(3);
  });
});

describe('rooms', () => {
  test('that may be why all is refused are left out once', async () => {
    const one = world();
    await one.start();
    one.end({ error: new CauserieError('forbidden', 'no') });
    await one.untilNext();
    expect(one.opened.map(({ opening }) => opening.rooms)).toEqual([[{ room: 'project:p1' }], []]);
    one.end({ error: new CauserieError('forbidden', 'no') });
    expect(one.connection.state.name).toBe('closed');
  });
});

describe('a lesser transport', () => {
  async function fallen() {
    const one = world();
    await one.start();
    for (let at = 0; at < 3; at++) {
      one.end({ isBlocked: 'path' });
      await one.untilNext();
    }
    one.ready();
    return one;
  }

  test('is taken after three failures that are the way’s fault', async () => {
    const one = await fallen();
    expect(one.opened.map(({ name }) => name)).toEqual(['websocket', 'websocket', 'websocket', 'streaming']);
    expect(one.connection.state).toEqual({ name: 'fallback', transport: 'streaming' });
  });

  test('goes on while a better one is tried, and until that is ready', async () => {
    const one = await fallen();
    const stream = one.last();
    expect(await one.untilNext()).toBe(5_000);
    expect(one.last().name).toBe('websocket');
    expect(stream.isClosed).toBe(false);
    one.end({ isBlocked: 'path' });
    expect(one.connection.state.name).toBe('fallback');
    stream.hearing.onLife();
    expect(await one.untilNext()).toBe(10_000);
    one.ready();
    expect(stream.isClosed).toBe(true);
    expect(one.connection.state).toEqual({ name: 'ready', transport: 'websocket' });
    expect(one.owner.onReady).toHaveBeenCalledTimes(2);
  });

  test('is not taken because nobody answers', async () => {
    const one = world();
    await one.start();
    for (let at = 0; at < 10; at++) {
      one.end();
      await one.untilNext();
    }
    expect(new Set(one.opened.map(({ name }) => name))).toEqual(new Set(['websocket']));
  });
});

describe('the page', () => {
  test('tells that the network is back, and it is tried at once', async () => {
    vi.mocked(Math.random).mockReturnValue(0.999);
    const one = world({ jitter: 0 });
    await one.start();
    for (let at = 0; at < 6; at++) {
      one.end();
      await one.untilNext();
    }
    one.end();
    one.page()?.onWake();
    expect(await one.untilNext()).toBeLessThanOrEqual(260);
  });

  test('tells that it woke, and the connection is asked for a sign of life', async () => {
    const one = world();
    await one.start();
    one.ready();
    one.page()?.onWake();
    await one.after(5_000);
    expect(one.connection.state.name).toBe('recovering');
  });

  test('tells that it woke, and a stream, on which nothing can be asked, goes on', async () => {
    const one = world();
    await one.start();
    for (let at = 0; at < 3; at++) {
      one.end({ isBlocked: 'path' });
      await one.untilNext();
    }
    one.ready();
    const stream = one.last();
    one.page()?.onWake();
    // A comment comes every 15 s, and nothing before that where nobody says anything.
    await one.after(14_000);
    expect([one.connection.state.name, stream.isClosed]).toEqual(['fallback', false]);
    await one.after(16_000);
    expect(stream.isClosed).toBe(true);
  });

  test('tells that there is no network', async () => {
    const one = world();
    await one.start();
    one.end();
    one.goOffline();
    one.page()?.onOffline();
    expect(one.connection.state.name).toBe('offline');
  });
});

test('what a former link tells is passed over', async () => {
  const one = world();
  await one.start();
  const former = one.last();
  one.end();
  await one.untilNext();
  one.ready();
  former.hearing.onFrame({ type: 'ready', data: READY });
  former.hearing.onEnd({ code: 4510, reason: '' });
  expect(one.connection.state.name).toBe('ready');
  expect(one.owner.onReady).toHaveBeenCalledOnce();
});

test('closed, it stays so, and leaves nothing behind', async () => {
  const one = world();
  await one.start();
  one.ready();
  one.connection.close();
  expect(one.last().isClosed).toBe(true);
  expect(one.page()).toBeUndefined();
  expect(await one.untilNext()).toBeNull();
  expect(vi.getTimerCount()).toBe(0);
});
