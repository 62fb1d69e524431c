// What a long conversation costs a page, and what is left of it.
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startBrowser, Tab } from './support/browser.js';
import { PageServer } from './support/page-server.js';
import { ChatServer } from './support/server.js';

type Element = HTMLElement & { send(text: string): void };

let pages: PageServer;
let server: ChatServer;
let browser: Browser;
let tab: Tab;

beforeAll(async () => {
  pages = await PageServer.start();
  server = await ChatServer.start(pages.origin, { AI_ECHO_TOKENS_PER_SECOND: '2000', AI_ECHO_FIRST_TOKEN_DELAY: '1ms' });
  pages.chat = server.url;
  browser = await startBrowser();
});

afterEach(async () => {
  const { faults } = tab;
  await tab.close();
  expect(faults).toEqual([]);
});

afterAll(async () => {
  await browser?.close();
  await server?.end();
  await pages?.end();
});

const element = () => `<causerie-chat open url="${server.url}" tenant-hash="acme-hash"></causerie-chat>`;

async function open(body: string, begin?: () => void): Promise<void> {
  tab = await Tab.of(browser);
  if (begin) await tab.page.addInitScript(begin);
  const script = '<script src="/causerie-chat.js" defer></script>';
  await tab.page.goto(`${pages.origin}/?body=${encodeURIComponent(body + script)}`);
}

/** Asks so many questions, each when the one before is answered. */
const talk = (from: number, to: number): Promise<void> =>
  tab.page.evaluate(
    async ([from, to]) => {
      const chat = document.querySelector('causerie-chat') as Element;
      for (let at = from; at < to; at++) {
        await new Promise((resolve) => {
          chat.addEventListener('chat-message', resolve, { once: true });
          chat.send(`number ${at}.`);
        });
      }
    },
    [from, to] as const,
  );

test('a thousand messages hold no more than 5 MB', { timeout: 180_000 }, async () => {
  await open(element());
  await tab.byTestId('message-input').waitFor();
  const inspector = await tab.context.newCDPSession(tab.page);
  const held = async () => {
    await inspector.send('HeapProfiler.collectGarbage');
    const { usedSize } = await inspector.send('Runtime.getHeapUsage');
    return usedSize;
  };
  await talk(0, 5);
  const before = await held();
  // A question and its answer each.
  await talk(5, 505);
  const grown = (await held()) - before;
  console.log(`a thousand messages hold ${Math.round(grown / 1_000)} kB`);
  expect(await tab.page.locator('[data-testid=assistant-message][data-state=sent]').count()).toBe(505);
  expect(grown).toBeLessThan(5_000_000);
});

test('no listener and no timer is left when the element is gone', async () => {
  await open('', () => {
    const timers = new Set<unknown>();
    Object.assign(globalThis, { timers });
    const { setTimeout, clearTimeout } = globalThis;
    globalThis.setTimeout = ((work: () => void, ms?: number) => {
      const timer = setTimeout(() => {
        timers.delete(timer);
        work();
      }, ms);
      timers.add(timer);
      return timer;
    }) as unknown as typeof globalThis.setTimeout;
    globalThis.clearTimeout = (timer) => {
      timers.delete(timer);
      clearTimeout(timer);
    };
  });
  const inspector = await tab.context.newCDPSession(tab.page);
  /** What listens to the window, the document, and what else outlives an element. */
  const listening = async () => {
    const all: string[] = [];
    for (const expression of ['window', 'document', 'document.body', 'visualViewport']) {
      const { result } = await inspector.send('Runtime.evaluate', { expression });
      const { listeners } = await inspector.send('DOMDebugger.getEventListeners', { objectId: result.objectId ?? '' });
      all.push(...listeners.map(({ type }) => `${expression} ${type}`));
    }
    return all.sort();
  };
  const timers = () => tab.page.evaluate(() => (globalThis as unknown as { timers: Set<unknown> }).timers.size);
  const before = [await listening(), await timers()];
  await tab.page.evaluate(
    ([url]) => {
      const chat = document.createElement('causerie-chat');
      for (const [name, value] of Object.entries({ url, 'tenant-hash': 'acme-hash', open: '' })) chat.setAttribute(name, value);
      document.body.append(chat);
    },
    [server.url] as const,
  );
  await tab.byTestId('message-input').pressSequentially('typed');
  await talk(0, 3);
  expect(await listening()).not.toEqual(before[0]);
  expect(await timers()).not.toEqual(before[1]);
  await tab.page.evaluate(() => document.querySelector('causerie-chat')?.remove());
  await expect.poll(async () => [await listening(), await timers()]).toEqual(before);
});
