/** Between two of its frames there is this much time at least, in milliseconds. */
const DEBOUNCE_MS = 500;

/** The server takes typing as over after three seconds, so that it is said again before. */
const AGAIN_MS = 2_000;

/** Whoever has not typed for so long has stopped, in milliseconds. */
const CLEAR_MS = 3_000;

interface Typist {
  isShown: boolean;
  sentAt: number;
  clear: ReturnType<typeof setTimeout> | undefined;
}

/** Tells rooms that one is typing: no more often than is needed. */
export class TypingSender {
  readonly #send: (room: string, isTyping: boolean) => void;
  readonly #rooms = new Map<string, Typist>();

  constructor(send: (room: string, isTyping: boolean) => void) {
    this.#send = send;
  }

  /** A key was pressed. */
  type(room: string): void {
    const typist = this.#of(room);
    clearTimeout(typist.clear);
    typist.clear = setTimeout(() => this.stop(room), CLEAR_MS);
    const since = performance.now() - typist.sentAt;
    if (since >= (typist.isShown ? AGAIN_MS : DEBOUNCE_MS)) this.#tell(room, typist, true);
  }

  /** It is over: the message was sent, or the text deleted. */
  stop(room: string): void {
    const typist = this.#of(room);
    clearTimeout(typist.clear);
    if (typist.isShown) this.#tell(room, typist, false);
  }

  /** The connection is gone, and with it what others are shown. */
  onDown(): void {
    for (const { clear } of this.#rooms.values()) clearTimeout(clear);
    this.#rooms.clear();
  }

  #tell(room: string, typist: Typist, isTyping: boolean): void {
    typist.isShown = isTyping;
    typist.sentAt = performance.now();
    this.#send(room, isTyping);
  }

  #of(room: string): Typist {
    const typist = this.#rooms.get(room) ?? { isShown: false, sentAt: -DEBOUNCE_MS, clear: undefined };
    this.#rooms.set(room, typist);
    return typist;
  }
}
