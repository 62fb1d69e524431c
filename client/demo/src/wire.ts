const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** What lies between this page and its server, and can be cut, slowed down and taken away by hand. */
export class Wire {
  /** How much later everything comes and goes, in milliseconds. */
  delayMs = 0;
  #isOffline = false;
  /** Ends all that goes over it now. */
  #life = new AbortController();

  /** From now on all sockets and requests of the page go over it. */
  constructor() {
    const wire = this;
    const { fetch, WebSocket } = globalThis;

    globalThis.fetch = async (input, init = {}) => {
      await pause(wire.delayMs);
      if (wire.#isOffline) throw new TypeError('The network is switched off.');
      const signals = [wire.#life.signal, ...(init.signal ? [init.signal] : [])];
      const response = await fetch(input, { ...init, signal: AbortSignal.any(signals) });
      await pause(wire.delayMs);
      return response;
    };

    globalThis.WebSocket = class extends WebSocket {
      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols);
        if (wire.#isOffline) this.close();
        wire.#life.signal.addEventListener('abort', () => this.close());
        // Before whoever listens else; what is told again later is not held back again.
        this.addEventListener('message', (event) => {
          if (!wire.delayMs || !event.isTrusted) return;
          event.stopImmediatePropagation();
          setTimeout(() => this.dispatchEvent(new MessageEvent('message', { data: event.data })), wire.delayMs);
        });
      }

      override send(data: Parameters<WebSocket['send']>[0]): void {
        if (wire.delayMs) setTimeout(() => super.send(data), wire.delayMs);
        else super.send(data);
      }
    };
  }

  /** Ends all connections; new ones can be made at once. */
  cut(): void {
    this.#life.abort();
    this.#life = new AbortController();
  }

  set isOffline(isOffline: boolean) {
    this.#isOffline = isOffline;
    if (isOffline) this.cut();
    // As a browser tells its page.
    dispatchEvent(new Event(isOffline ? 'offline' : 'online'));
  }
}
