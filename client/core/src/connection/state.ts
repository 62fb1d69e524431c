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

/** One sentence for a person. */
export function describe(state: State): string {
  switch (state.name) {
    case 'connecting':
      return 'Connecting…';
    case 'ready':
      return 'Connected.';
    case 'fallback':
      return 'Connected, but slower than usual.';
    case 'recovering':
      return 'Connection lost. Reconnecting…';
    case 'offline':
      return 'You are offline. Messages are sent as soon as the connection is back.';
    case 'closed':
      if (state.comesBack === 'when_you_act') return 'Paused. Write something to go on.';
      return state.reason.error.message;
  }
}
