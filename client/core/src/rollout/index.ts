import { appTokens } from '../connection/tokens.js';
import { noAnswer } from '../errors.js';
import { newId } from '../ids.js';
import type { Options } from '../options.js';
import { Server } from '../transports/server.js';
import type { Mode } from '../transports/transport.js';

/** What the server advises. */
export interface ClientConfig {
  /** For the option of `connect`. */
  mode: Mode;
  /** Names by which the page may switch something on. */
  flags: string[];
  /** Whose token it was; left out without one. */
  userId?: string;
  /** Why there was no advice; `mode` is `auto` then. */
  error?: Error;
}

/** As much of the options of `connect` as is needed. */
export type ConfigOptions = Pick<Options, 'url' | 'tenantHash' | 'getToken' | 'storage' | 'fetch'>;

/** The server's advice, as it tells it. */
interface Told {
  mode?: unknown;
  flags?: unknown;
  user_id?: string;
}

/**
 * Asks the server which transports to use, before `connect`. It never fails: where no answer comes in
 * time (2 s, if `timeoutMs` is left out) it is `auto`, without flags.
 */
export function clientConfig(options: ConfigOptions, timeoutMs = 2_000): Promise<ClientConfig> {
  return new Promise((resolve) => {
    const goOn = (error: Error) => resolve({ mode: 'auto', flags: [], error });
    const timer = setTimeout(() => goOn(noAnswer()), timeoutMs);
    ask(options)
      .then(resolve, goOn)
      .finally(() => clearTimeout(timer));
  });
}

async function ask(options: ConfigOptions): Promise<ClientConfig> {
  const { url, tenantHash = '', getToken, storage, fetch = globalThis.fetch } = options;
  // Unlike what else is asked, this may be answered by the browser's cache.
  const server = new Server(url, (input, init) => fetch(input, { ...init, cache: 'default' }));
  // By it the answer stays the same, though a visitor gets another token.
  const make = async () => newId();
  const visitor = await (storage?.token(`causerie:${server.base}:${tenantHash}:visitor`, make) ?? make());
  const query = getToken ? { visitor } : { visitor, t: tenantHash };
  const token = getToken && ((await appTokens(getToken).get('first')) as string);
  const { mode, flags, user_id } = await server.json<Told>('api/client-config', { token, query });
  return {
    mode: mode === 'streaming' || mode === 'http' ? mode : 'auto',
    flags: Array.isArray(flags) ? flags : [],
    ...(user_id ? { userId: user_id } : {}),
  };
}
