/**
 * How fast messages may go out: a minute's worth at once, and after that at an even pace, as the
 * server counts them (a generic cell rate algorithm).
 */
export class Pace {
  #intervalMs = 0;
  #burstMs = 0;
  /** When all that was sent would have been due at an even pace. */
  #due = 0;

  /** A connection begins, on which so many messages may be sent in a minute. */
  begin(perMinute: number): void {
    this.#intervalMs = 60_000 / Math.max(perMinute, 1);
    // One less than allowed: what is sent evenly does not arrive quite so.
    this.#burstMs = Math.max(60_000 - 2 * this.#intervalMs, 0);
    this.#due = 0;
  }

  /** How long the next message has to wait, in milliseconds; 0 or less: not at all. */
  wait(now: number): number {
    return this.#due - now - this.#burstMs;
  }

  /** A message goes out. */
  spend(now: number): void {
    this.#due = Math.max(this.#due, now) + this.#intervalMs;
  }

  /** It was refused: that counts for nothing. */
  refund(): void {
    this.#due -= this.#intervalMs;
  }
}
