import { type Client, connect, type Options } from '@causerie/client';
import { holdRoom } from '@causerie/client/conversation';

/** How a handle comes by its client. */
export type Origin = { client: Client } | { options: Options };

/**
 * A client for a tree of components, and what they look at, each once however many look. Nothing of
 * it begins by rendering: where there are only options, it connects with the first thing that is
 * asked of it after that.
 */
export class Handle {
  readonly #origin: Origin;
  #client: Client | null;
  readonly #sources = new Map<string, unknown>();
  #isHeld = false;
  /** The tree has gone, and its client was closed. */
  #isOver = false;

  constructor(origin: Origin) {
    this.#origin = origin;
    this.#client = 'client' in origin ? origin.client : null;
  }

  /** The client, if there is one yet. */
  get present(): Client | null {
    return this.#client;
  }

  /**
   * The client. Not to be called while rendering.
   *
   * @throws {TypeError} naming an option that is wrong.
   */
  get client(): Client {
    if ('client' in this.#origin) return this.#origin.client;
    return (this.#client ??= begin(this.#origin.options));
  }

  /** Somebody looks. Where all was over it begins anew; what is done without anybody looking stays with what is closed. */
  wake(): void {
    if (!this.#isOver) return;
    this.#isOver = false;
    this.#client = null;
    this.#sources.clear();
  }

  /** What is looked at under this name, if anybody has. */
  peek<S>(name: string): S | undefined {
    return this.#sources.get(name) as S | undefined;
  }

  /** What is looked at under this name. Not to be called while rendering. */
  source<S>(name: string, make: (client: Client) => S): S {
    const known = this.peek<S>(name);
    if (known) return known;
    const made = make(this.client);
    this.#sources.set(name, made);
    return made;
  }

  /** The tree is there. What it gives ends the client, if it was made here. */
  hold(): () => void {
    this.#isHeld = true;
    return () => {
      this.#isHeld = false;
      // Strict mode lets go and takes hold again at once.
      queueMicrotask(() => {
        if (this.#isHeld || 'client' in this.#origin) return;
        this.#client?.close();
        this.#isOver = this.#client !== null;
      });
    };
  }
}

function begin(options: Options): Client {
  const client = connect(options);
  // These are not left when nobody looks at them any more.
  for (const room of options.rooms ?? []) holdRoom(client, room);
  return client;
}
