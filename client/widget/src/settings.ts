import type { GetToken, Mode, Options } from '@causerie/client';
import { browserStorage } from '@causerie/client/storage';

/** The attributes that say whom to talk to: with another value of one the chat begins anew. */
export const CONNECTION_ATTRIBUTES = ['url', 'tenant-hash', 'room', 'session', 'mode', 'storage', 'typing-indicators'] as const;

/** `advised`: as the server's rollout says. */
const MODES: readonly ['auto', ...(Mode | 'advised')[]] = ['auto', 'websocket', 'streaming', 'http', 'advised'];

/** With whom a chat is held, and how. */
export interface Settings {
  options: Options;
  /** Whether the server is to be asked first which transports to use. */
  isAdvised: boolean;
  room: string;
  sessionId: string;
  /** Under which the browser remembers how far it was read; `null` where it shall remember nothing. */
  memory: string | null;
}

/** What the element's attributes say; `null` where there is nobody to talk to yet. */
export function settingsOf(element: Element, getToken: GetToken | undefined): Settings | null {
  const url = element.getAttribute('url');
  const tenantHash = element.getAttribute('tenant-hash') ?? '';
  if (!url || (!tenantHash && !getToken)) return null;
  const room = element.getAttribute('room') || 'user:me';
  const sessionId = element.getAttribute('session') || 'chat';
  const remembers = oneOf(element, 'storage', ['local', 'none']) === 'local';
  const mode = isSocketWanted() ? 'websocket' : oneOf(element, 'mode', MODES);
  const isAdvised = mode === 'advised';
  const options: Options = {
    // An address may be relative to the page, for a server that stands behind it.
    url: new URL(url, document.baseURI).href,
    tenantHash,
    mode: isAdvised ? 'auto' : mode,
    enableTypingIndicators: oneOf(element, 'typing-indicators', ['on', 'off']) === 'on',
    storage: remembers ? browserStorage() : null,
  };
  if (getToken) options.getToken = getToken;
  return { options, isAdvised, room, sessionId, memory: remembers ? `causerie:widget:${url}:${tenantHash}:${room}:${sessionId}` : null };
}

/** The page's own address may ask for a WebSocket and nothing else: `?ws=true`. */
const isSocketWanted = (): boolean => new URLSearchParams(location.search).get('ws') === 'true';

/** An attribute that is one of these words; the first where there is none. */
export function oneOf<Word extends string>(element: Element, name: string, words: readonly [Word, ...Word[]]): Word {
  const value = element.getAttribute(name) || words[0];
  const word = words.find((one) => one === value);
  if (!word) throw new Error(`\`${name}\` is ${JSON.stringify(value)}: it has to be ${words.join(' or ')}.`);
  return word;
}
