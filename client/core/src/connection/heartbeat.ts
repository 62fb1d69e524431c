export interface Beats {
  /** After this much silence the server is asked for a sign of life, in milliseconds. */
  heartbeatMs: number;
  /** How long it may take to give one, in milliseconds. */
  pongTimeoutMs: number;
}

/** A timer that is later than this was held up: the machine slept, or the page was in the background. */
const LATE_MS = 2_000;

/** Finds out that a connection is dead: a network that went away tells nobody. */
export class Heartbeat {
  readonly #beats: Beats;
  readonly #onSilence: () => void;
  readonly #onDeath: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isProbing = false;

  /** `onSilence` asks for a sign of life; `onDeath` hears that none came. */
  constructor(beats: Beats, onSilence: () => void, onDeath: () => void) {
    this.#beats = beats;
    this.#onSilence = onSilence;
    this.#onDeath = onDeath;
  }

  /** Something came. */
  heard(): void {
    this.#isProbing = false;
    this.#after(this.#beats.heartbeatMs, () => this.probe());
  }

  /** Asks now. */
  probe(): void {
    if (this.#isProbing) return;
    this.#isProbing = true;
    this.#ask();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#isProbing = false;
  }

  #ask(): void {
    this.#onSilence();
    this.#after(this.#beats.pongTimeoutMs, (late) => {
      // While the machine slept nothing could come: what counts is whether something does now.
      if (late > LATE_MS) this.#ask();
      else this.#onDeath();
    });
  }

  #after(ms: number, act: (late: number) => void): void {
    clearTimeout(this.#timer);
    const due = Date.now() + ms;
    this.#timer = setTimeout(() => act(Date.now() - due), ms);
  }
}
