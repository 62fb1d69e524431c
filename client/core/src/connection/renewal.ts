import { LONGEST_MS } from '../timers.js';
import type { Identity, Tokens } from './tokens.js';

/** How long before its end a token is renewed, in milliseconds. */
const BEFORE_MS = 60_000;

/** After how long a renewal that failed is tried again, in milliseconds. */
const AGAIN_MS = 10_000;

/** Gets a new token before the present one ends. */
export class Renewal {
  readonly #tokens: Tokens;
  readonly #onRenewed: (identity: Identity) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #turn = 0;

  constructor(tokens: Tokens, onRenewed: (identity: Identity) => void) {
    this.#tokens = tokens;
    this.#onRenewed = onRenewed;
  }

  /** Watches over a token; `serverTime` is the server's clock, in milliseconds since 1970. */
  watch({ expiresAt }: Identity, serverTime: number): void {
    this.stop();
    if (expiresAt === undefined || !this.#tokens.canRenew) return;
    const left = expiresAt - serverTime;
    // One that does not last much longer than that is renewed after half of its life.
    // Where a clock is so wrong that it seems to have ended, the next one will seem so, too.
    this.#after(left > 0 ? Math.max(left - BEFORE_MS, left / 2) : AGAIN_MS);
  }

  stop(): void {
    this.#turn += 1;
    clearTimeout(this.#timer);
  }

  #after(ms: number): void {
    const turn = this.#turn;
    this.#timer = setTimeout(() => void this.#renew(turn), Math.min(ms, LONGEST_MS));
  }

  async #renew(turn: number): Promise<void> {
    try {
      const identity = await this.#tokens.renew();
      if (turn === this.#turn) this.#onRenewed(identity);
    } catch {
      // Until it ends there is time; then the connection does, and says why.
      if (turn === this.#turn) this.#after(AGAIN_MS);
    }
  }
}
