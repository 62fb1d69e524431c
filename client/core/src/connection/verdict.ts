import { DRAINING, IDLE, OVERLOADED, UNAUTHORIZED } from '../protocol/generated/constants.js';
import type { End } from '../transports/transport.js';

/** What the end of a connection asks for. */
export type Verdict =
  /** Come back: after the time that the server named, or with backoff. */
  | { next: 'back'; afterMs?: number | undefined; isOverloaded?: boolean }
  | { next: 'renew' }
  | { next: 'wait' }
  | { next: 'stay' };

/** Judges an end by what the server said, or else by the range of its close code. */
export function judge({ code, reason, error, isBlocked }: End): Verdict {
  if (isBlocked) return { next: 'back' };
  if (code === UNAUTHORIZED || error?.code === 'unauthorized') return { next: 'renew' };
  if (code === IDLE) return { next: 'wait' };
  if (error?.canRetry === false || (code >= 4500 && code < 5000)) return { next: 'stay' };
  const told = code === DRAINING && /^reconnect after=(\d+)/.exec(reason);
  return {
    next: 'back',
    afterMs: told ? +(told[1] as string) : undefined,
    // It answered that it has too much to do.
    isOverloaded: code === OVERLOADED || (error?.status ?? 0) >= 429,
  };
}
