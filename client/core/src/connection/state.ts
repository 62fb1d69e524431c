import { DRAINING, IDLE, OVERLOADED, UNAUTHORIZED } from '../protocol/generated/constants.js';
import type { CauserieError } from '../errors.js';
import type { TransportName } from '../transports/transport.js';

/** Why there is no connection. */
export interface Reason {
  /** The close code of the connection that ended; none where there was none. */
  closeCode?: number | undefined;
  /** What the server said, or went wrong here. */
  error?: CauserieError | undefined;
  /** In words, for a log. */
  text: string;
}

/** What a connection is. */
export type State =
  /** There has been none yet; `attempt` counts the tries. `retryAt` is null during one. */
  | { name: 'connecting'; attempt: number; retryAt: number | null; reason: Reason | null }
  /** There, by the best transport that this place has. */
  | { name: 'ready'; transport: TransportName }
  /** There, by a lesser transport; better ones are tried now and then. */
  | { name: 'fallback'; transport: TransportName }
  /** Lost, and coming back: `retryAt` (milliseconds since 1970) is null during a try. */
  | { name: 'recovering'; attempt: number; retryAt: number | null; reason: Reason | null }
  /** Several tries in a row have failed, or there is no network. It goes on trying, seldom. */
  | { name: 'offline'; attempt: number; retryAt: number | null; reason: Reason | null }
  /** It does not come back by itself: as soon as something is sent, or `never`, until `reconnect()`. */
  | { name: 'closed'; reason: Reason & { error: CauserieError }; comesBack: 'when_you_act' | 'never' };

/** Whether what is sent now goes out now. */
export function isUp(state: State): boolean {
  return state.name === 'ready' || state.name === 'fallback';
}

/** Why it is not up, as far as that makes a difference to a person. */
export type Why =
  /** The browser says that there is no network. */
  | 'no_network'
  /** It was up, and has broken off. */
  | 'lost'
  /** Nobody answers there. */
  | 'unreachable'
  | 'rate_limited'
  /** The server has too much to do. */
  | 'overloaded'
  /** The server restarts, or hands over. */
  | 'draining'
  /** The token was not taken, or none could be had. */
  | 'token_refused'
  /** Pages of this origin are not let in. */
  | 'origin_refused'
  /** Refused, or sent away, for another reason: `reason.error` says it. */
  | 'refused'
  /** Nothing was done for long. */
  | 'idle'
  /** The option `giveUp` ended the tries. */
  | 'gave_up'
  /** By `close()`. */
  | 'closed';

const BY_CODE: Readonly<Record<string, Why>> = {
  rate_limited: 'rate_limited',
  budget_exceeded: 'rate_limited',
  overloaded: 'overloaded',
  unauthorized: 'token_refused',
  no_token: 'token_refused',
  user_changed: 'token_refused',
  closed: 'closed',
};

function byCloseCode(code: number): Why | null {
  if (code === DRAINING) return 'draining';
  if (code === OVERLOADED) return 'overloaded';
  if (code === UNAUTHORIZED) return 'token_refused';
  return code > UNAUTHORIZED ? 'refused' : null;
}

/** Why there is no connection; null where there is one, or is only about to be. */
export function whyOf(state: State): Why | null {
  if ('transport' in state) return null;
  const isClosed = state.name === 'closed';
  if (isClosed && state.comesBack === 'when_you_act') return state.reason.closeCode === IDLE ? 'idle' : 'gave_up';
  if (!isClosed && globalThis.navigator?.onLine === false) return 'no_network';
  if (!state.reason) return null;
  const { error, closeCode = 0 } = state.reason;
  const code = error?.code ?? '';
  // The protocol has one code for all that is forbidden; the sentence tells which it is.
  if (code === 'forbidden' && /origin/i.test(error?.message ?? '')) return 'origin_refused';
  // What closed without an error has one made for it, which says less than the close code.
  const why = byCloseCode(closeCode) ?? BY_CODE[code];
  return why ?? (isClosed ? 'refused' : closeCode ? 'lost' : 'unreachable');
}

const SENTENCES: Readonly<Record<Exclude<Why, 'refused'>, string>> = {
  no_network: 'You are offline. Messages are sent as soon as the connection is back.',
  lost: 'Connection lost. Reconnecting…',
  unreachable: 'The server cannot be reached. Trying again…',
  rate_limited: 'Too many requests. Trying again…',
  overloaded: 'The server is busy. Trying again…',
  draining: 'The server is restarting. Reconnecting…',
  token_refused: 'Your sign-in was not accepted.',
  origin_refused: 'This page may not connect here.',
  idle: 'Paused. Write something to go on.',
  gave_up: 'The server cannot be reached. Write something to go on.',
  closed: 'Disconnected.',
};

/** One sentence for a person. */
export function describe(state: State): string {
  if ('transport' in state) return state.name === 'ready' ? 'Connected.' : 'Connected, but slower than usual.';
  const why = whyOf(state);
  if (why === 'refused') return state.reason?.error?.message ?? 'The connection was refused.';
  return why ? SENTENCES[why] : 'Connecting…';
}
