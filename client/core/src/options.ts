import type { ConnectionOptions } from './connection/owner.js';
import { type Page, thisPage } from './connection/page.js';
import type { GetToken } from './connection/tokens.js';
import { CauserieError } from './errors.js';
import type { OutboxOptions } from './outbox/outbox.js';
import type { RoomsOptions } from './rooms/rooms.js';
import type { Storage } from './storage/storage.js';
import { type Mode, MODES } from './transports/transport.js';
import type { WebSocketClass } from './transports/websocket.js';

/** How to connect. All times are in milliseconds. */
export interface Options extends Partial<OutboxOptions>, Partial<RoomsOptions>, Partial<ConnectionOptions> {
  /** Where the server is: `https://chat.example.com`; http, https, ws or wss. */
  url: string;
  /** The tenant's public hash: who has no token is its visitor. */
  tenantHash?: string;
  /** Gives the person's token, made by the page's own server; asked again before it ends. */
  getToken?: GetToken;
  /** Rooms to be in beside one's own and the tenant's: `project:p1`. */
  rooms?: readonly string[];
  /** Which transports are used. */
  mode?: Mode;
  /** After how many failures in a row a lesser transport is tried. */
  fallbackAfter?: number;
  /** Without a socket or a stream: how often is asked, at the most. */
  pollMs?: number;
  /** Whether others are told that one is typing. */
  enableTypingIndicators?: boolean;
  /** Keeps a visitor's token, and messages that wait. By default as long as the page lives. */
  storage?: Storage | null;
  /** In place of what the platform has. */
  fetch?: typeof fetch;
  WebSocket?: WebSocketClass | null;
  page?: Page;
}

/** Those that were not given are as by default. */
export type Settings = Required<Omit<Options, Optional>> & Pick<Options, Optional>;

type Optional = 'getToken' | 'storage' | 'WebSocket';

const DEFAULTS = {
  mode: 'auto' as Mode,
  fallbackAfter: 3,
  pollMs: 1_000,
  enableTypingIndicators: true,
  outboxLimit: 100,
  whenFull: 'refuse' as 'refuse' | 'dropOldest',
  messageTries: 3,
  messageTimeoutMs: 30_000,
  historyLimit: 50,
  minDelayMs: 1_000,
  maxDelayMs: 30_000,
  jitter: 1,
  heartbeatMs: 25_000,
  pongTimeoutMs: 5_000,
  connectTimeoutMs: 10_000,
  offlineAfter: 5,
  giveUp: false,
};

const WORDS: { [Name in keyof Options]?: readonly string[] } = {
  mode: Object.keys(MODES),
  whenFull: ['refuse', 'dropOldest'],
};

/**
 * Checks what was given, and adds the defaults.
 *
 * @throws {CauserieError} `invalid_option`, naming the option, its value, and what is allowed.
 */
export function settle(given: Options): Settings {
  if (!/^(https?|wss?):\/\/./.test(given.url)) throw invalid('url', given.url, 'an address of http, https, ws or wss');
  if (!given.tenantHash && !given.getToken) throw invalid('tenantHash', given.tenantHash, 'set, where there is no `getToken`');
  const settings: Record<string, unknown> = {
    url: '',
    tenantHash: '',
    getToken: null,
    storage: null,
    rooms: [],
    fetch: globalThis.fetch,
    WebSocket: globalThis.WebSocket,
    page: thisPage,
    ...DEFAULTS,
  };
  for (const [name, value] of Object.entries(given)) {
    if (!(name in settings)) throw invalid(name, value, 'left out, for there is no such option');
    if (value !== undefined) settings[name] = value;
  }
  for (const [name, byDefault] of Object.entries(DEFAULTS)) {
    const value = (settings[name] ??= byDefault);
    const words = WORDS[name as keyof Options];
    const isGood = words ? words.includes(value as string) : typeof value === typeof byDefault && (value as number) >= 0;
    if (!isGood) throw invalid(name, value, words?.join(' or ') ?? (typeof byDefault === 'number' ? '0 or more' : 'true or false'));
  }
  if (settings['mode'] === 'websocket' && !settings['WebSocket']) {
    throw invalid('mode', 'websocket', 'another, for there is no WebSocket');
  }
  return settings as unknown as Settings;
}

function invalid(name: string, value: unknown, allowed: string): CauserieError {
  return new CauserieError('invalid_option', `\`${name}\` is ${JSON.stringify(value)}: it has to be ${allowed}.`);
}
