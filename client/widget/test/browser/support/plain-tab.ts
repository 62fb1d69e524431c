// A tab that Playwright does not know: those that it knows it lets do as if they were in front, whatever is in front of them.
import type { Browser, CDPSession } from 'playwright-core';

/** What Playwright tells a browser, so that no page has its timers held back. */
export const AS_IF_IN_FRONT = ['--disable-background-timer-throttling', '--disable-backgrounding-occluded-windows', '--disable-renderer-backgrounding'];

interface Answer {
  id?: number;
  method?: string;
  params?: { exceptionDetails?: { exception?: { description?: string } } };
  result?: { result?: { value?: unknown } };
}

export class PlainTab {
  /** What was thrown in it. */
  readonly faults: string[] = [];
  readonly #browser: CDPSession;
  readonly #context: string;
  readonly #target: string;
  readonly #session: string;
  readonly #asked = new Map<number, (answer: Answer) => void>();
  #asks = 0;

  private constructor(browser: CDPSession, context: string, target: string, session: string) {
    this.#browser = browser;
    this.#context = context;
    this.#target = target;
    this.#session = session;
    browser.on('Target.receivedMessageFromTarget', ({ message }) => this.#onAnswer(JSON.parse(message) as Answer));
  }

  /** A tab of somebody new, in front. */
  static async open(browser: Browser, url: string): Promise<PlainTab> {
    const all = await browser.newBrowserCDPSession();
    const { browserContextId } = await all.send('Target.createBrowserContext');
    const { targetId } = await all.send('Target.createTarget', { url, browserContextId });
    const { sessionId } = await all.send('Target.attachToTarget', { targetId, flatten: false });
    const tab = new PlainTab(all, browserContextId, targetId, sessionId);
    await tab.#ask('Runtime.enable');
    return tab;
  }

  /** What an expression has there. */
  async is<T>(expression: string): Promise<T> {
    const { result } = await this.#ask('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
    return result?.result?.value as T;
  }

  /** Another tab comes before it. */
  async hide(): Promise<void> {
    await this.#browser.send('Target.createTarget', { url: 'about:blank', browserContextId: this.#context });
  }

  async show(): Promise<void> {
    await this.#browser.send('Target.activateTarget', { targetId: this.#target });
  }

  /** Nothing runs in it, as in a tab that was hidden for long. */
  async freeze(): Promise<void> {
    await this.#ask('Page.setWebLifecycleState', { state: 'frozen' });
  }

  async thaw(): Promise<void> {
    await this.#ask('Page.setWebLifecycleState', { state: 'active' });
  }

  async close(): Promise<void> {
    await this.#browser.send('Target.disposeBrowserContext', { browserContextId: this.#context });
    await this.#browser.detach();
  }

  #ask(method: string, params: object = {}): Promise<Answer> {
    const id = (this.#asks += 1);
    const message = JSON.stringify({ id, method, params });
    return new Promise((resolve, reject) => {
      this.#asked.set(id, resolve);
      this.#browser.send('Target.sendMessageToTarget', { sessionId: this.#session, message }).catch(reject);
    });
  }

  #onAnswer(answer: Answer): void {
    if (answer.method === 'Runtime.exceptionThrown') this.faults.push(answer.params?.exceptionDetails?.exception?.description ?? '');
    this.#asked.get(answer.id ?? 0)?.(answer);
  }
}
