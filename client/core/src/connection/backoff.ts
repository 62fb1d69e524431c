/** How tries to connect are spread. */
export interface Spread {
  /** The first interval, in milliseconds; each one is twice as long as the one before. */
  minDelayMs: number;
  /** The longest, in milliseconds. */
  maxDelayMs: number;
  /** Which part of an interval is left to chance: 1 all of it, so that a crowd spreads. */
  jitter: number;
}

/** The first try to come back waits no longer, in milliseconds: most losses are short. */
const FIRST_MS = 250;

/** How long to wait before the `retry`th try in a row (1, 2 …), in milliseconds. */
export function delayBefore(retry: number, spread: Spread, random: () => number = Math.random): number {
  if (retry <= 1) return FIRST_MS * random();
  const interval = Math.min(spread.maxDelayMs, spread.minDelayMs * 2 ** (retry - 2));
  return interval * (1 - spread.jitter * random());
}
