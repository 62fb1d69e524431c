/** What the browser remembers of a chat: up to when it was read. No more than the page's life, where it may not. */
export class Memory {
  readonly #key: string | null;
  #readAt = 0;

  constructor(key: string | null) {
    this.#key = key;
  }

  /** By the server's clock, in milliseconds since 1970; 0 where nothing was read, in another tab neither. */
  get readAt(): number {
    const kept = Number(attempt(() => this.#key && localStorage.getItem(this.#key)));
    return Math.max(this.#readAt, kept || 0);
  }

  set readAt(at: number) {
    if (at <= this.readAt) return;
    this.#readAt = at;
    attempt(() => this.#key && localStorage.setItem(this.#key, String(at)));
  }
}

/** Even to look at it fails where the person has forbidden it. */
function attempt<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
