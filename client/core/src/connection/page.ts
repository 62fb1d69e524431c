/** What a page tells about itself and its network. */
export interface PageEvents {
  /** The network is back, or the page is looked at again, or the machine has woken. */
  onWake(): void;
  /** The network is gone, says the browser. */
  onOffline(): void;
}

export interface Page {
  /** Whether there is a network, as far as is known. */
  isOnline(): boolean;
  /** Begins to tell; the function that is returned ends it. */
  listen(events: PageEvents): () => void;
}

/** The page that this runs in; in Node there is nothing to tell. */
export const thisPage: Page = {
  isOnline: () => globalThis.navigator?.onLine !== false,

  listen({ onWake, onOffline }) {
    const stop = new AbortController();
    const { signal } = stop;
    const { document } = globalThis;
    for (const name of ['online', 'focus']) globalThis.addEventListener?.(name, onWake, { signal });
    globalThis.addEventListener?.('offline', onOffline, { signal });
    document?.addEventListener('visibilitychange', () => document.hidden || onWake(), { signal });
    return () => stop.abort();
  },
};
