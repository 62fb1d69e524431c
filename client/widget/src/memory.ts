/** What the browser remembers of a chat: up to when it was read. No more than the page's life, where it may not. */
export class Memory {
  readonly #key: string | null;
  #readAt = 0;

  constructor(key: string | null) {
    this.#key = key;
    this.#readAt = Number(attempt(() => key && localStorage.getItem(key))) || 0;
  }

  /** By the server's clock, in milliseconds since 1970; 0 where nothing was read. */
  get readAt(): number {
    return this.#readAt;
  }

  set readAt(at: number) {
    if (at <= this.#readAt) return;
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
