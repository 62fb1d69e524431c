/** Timers do not reach further: a longer one would fire at once. */
export const LONGEST_MS = 2 ** 31 - 1;
