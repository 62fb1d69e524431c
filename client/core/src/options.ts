import type { ConnectionOptions } from './connection/owner.js';
import { type Page, thisPage } from './connection/page.js';
import type { GetToken } from './connection/tokens.js';
import type { OutboxOptions } from './outbox/outbox.js';
import type { RoomsOptions } from './rooms/rooms.js';
import type { Storage } from './storage/storage.js';
import { LONGEST_MS } from './timers.js';
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

const isText = (value: unknown) => typeof value === 'string';

type Form = readonly [isGood: (value: any) => unknown, allowed: string];

const oneOf = (words: string[]): Form => [(value) => words.includes(value), words.join(' or ')];

const having = (methods: string[], allowed: string): Form => [(value) => methods.every((name) => typeof value?.[name] === 'function'), allowed];

/** Of those that are not simply as their defaults: whether they are good, and what is allowed. */
const forms = (): { readonly [Name in keyof Options]?: Form } => ({
  url: [(url) => isText(url) && /^(https?|wss?):\/\/./.test(url), 'an address of http, https, ws or wss'],
  rooms: [(rooms) => Array.isArray(rooms) && rooms.every(isText), 'a list of texts'],
  storage: having(['shelf'], 'made by `storageOn`'),
  page: having(['isOnline', 'listen'], 'with `isOnline` and `listen`'),
  mode: oneOf(Object.keys(MODES)),
  whenFull: oneOf(['refuse', 'dropOldest']),
});

/**
 * Checks what was given, and adds the defaults.
 *
 * @throws {TypeError} naming the option, its value, and what is allowed.
 */
export function settle(given: Options): Settings {
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
  for (const [name, value = settings[name]] of Object.entries({ ...settings, ...given })) {
    if (!(name in settings)) throw invalid(name, value, 'left out');
    const byDefault = settings[name] ?? isText;
    const most = name === 'jitter' ? 1 : name.endsWith('Ms') ? LONGEST_MS : Infinity;
    const [isGood, allowed] = forms()[name as keyof Options] ?? [
      (value) => typeof value === typeof byDefault && !(value < 0 || value > most) && value === value,
      typeof byDefault === 'number' ? `0 to ${most}` : `a ${typeof byDefault}`,
    ];
    const isNone = value == null && (byDefault === isText || name === 'WebSocket');
    if (!isNone && !isGood(value)) throw invalid(name, value, allowed);
    settings[name] = value;
  }
  if (!settings['tenantHash'] && !settings['getToken']) throw invalid('tenantHash', given.tenantHash, 'set, or `getToken`');
  if (settings['mode'] === 'websocket' && !settings['WebSocket']) throw invalid('mode', 'websocket', 'another: there is none');
  return settings as unknown as Settings;
}

function invalid(name: string, value: unknown, allowed: string): TypeError {
  let shown: string | undefined;
  try {
    shown = JSON.stringify(value);
  } catch {
    // A circle, a BigInt, or what throws by itself.
  }
  return new TypeError(`\`${name}\` is ${shown ?? typeof value}: it has to be ${allowed}.`);
}
