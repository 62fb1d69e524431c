// What is around the widget: the network's switch, the page's colours, a keyboard on the screen, other people.
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { tokenOf } from '../../../core/test/integration/support/cluster.js';
import { startBrowser, Tab } from './support/browser.js';
import { PageServer } from './support/page-server.js';
import { ChatServer } from './support/server.js';

let pages: PageServer;
let server: ChatServer;
let browser: Browser;
const tabs: Tab[] = [];

async function open({ user, more = 'open', ...options }: BrowserContextOptions & { user?: string; more?: string } = {}): Promise<Tab> {
  const tab = await Tab.of(browser, options);
  tabs.push(tab);
  const script = `/${user ?? 'nobody'}.js`;
  pages.scripts.set(script, user === undefined ? '' : `document.querySelector('causerie-chat').getToken = async () => '${tokenOf(user)}';`);
  const body = `<causerie-chat url="${server.url}" tenant-hash="acme-hash" ${more}></causerie-chat>
    <script src="${script}"></script><script src="/causerie-chat.js" defer></script>`;
  await tab.page.goto(`${pages.origin}/?body=${encodeURIComponent(body)}`);
  return tab;
}

beforeAll(async () => {
  pages = await PageServer.start();
  server = await ChatServer.start(pages.origin);
  pages.chat = server.url;
  browser = await startBrowser();
});

afterEach(async () => {
  const faults = tabs.flatMap(({ faults }) => faults);
  await Promise.all(tabs.splice(0).map((tab) => tab.close()));
  expect(faults).toEqual([]);
});

afterAll(async () => {
  await browser?.close();
  await server?.end();
  await pages?.end();
});

test('where the browser says that there is no network, messages wait for it', async () => {
  const tab = await open();
  await tab.page.locator('[data-chat-mode=websocket]').waitFor();
  await tab.context.setOffline(true);
  // The switch does not end what is open.
  server.proxy.cut();
  // At once: by failures alone it would take several.
  await tab.byTestId('status').getByText('You are offline.').waitFor({ timeout: 3_000 });
  for (const text of ['one', 'two']) await tab.ask(text);
  await tab.byTestId('status').getByText('Messages that wait: 2').waitFor();
  await tab.context.setOffline(false);
  await tab.page.locator('[data-testid=assistant-message][data-state=sent]', { hasText: 'You said: two' }).waitFor();
  expect(await tab.page.locator('[data-testid=user-message] .plain').allTextContents()).toEqual(['one', 'two']);
});

test('takes its colours and parts from the page', async () => {
  const tab = await open();
  const send = tab.byTestId('send-button');
  await send.waitFor();
  await tab.page.evaluate(() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(':root { --causerie-accent: rgb(128, 0, 0) } causerie-chat::part(header) { letter-spacing: 2px }');
    document.adoptedStyleSheets.push(sheet);
  });
  expect(await send.evaluate((button) => getComputedStyle(button).backgroundColor)).toBe('rgb(128, 0, 0)');
  const header = tab.page.locator('causerie-chat [part=header]');
  expect(await header.evaluate((one) => getComputedStyle(one).letterSpacing)).toBe('2px');
});

test('moves nothing for those who want no motion, and is seen in colours that they force', async () => {
  const tab = await open({ reducedMotion: 'reduce', forcedColors: 'active' });
  await tab.ask('slowly '.repeat(400));
  await tab.byTestId('typing').waitFor();
  const moving = () => tab.page.evaluate(() => document.querySelector('causerie-chat')?.shadowRoot?.getAnimations().length);
  expect(await moving()).toBe(0);
  await tab.isAccessible('in forced colours');
  await tab.page.emulateMedia({ reducedMotion: 'no-preference' });
  expect(await moving()).toBe(3);
});

test('stays within what a keyboard leaves of a small screen', async () => {
  const tab = await open({ viewport: { width: 360, height: 640 }, isMobile: true, hasTouch: true });
  const panel = tab.page.locator('causerie-chat .panel');
  await panel.waitFor();
  const height = () => panel.evaluate((one) => (one as HTMLElement).style.getPropertyValue('--viewport-height'));
  expect(await height()).toBe('640px');
  const inspector = await tab.context.newCDPSession(tab.page);
  // What is seen of the page is halved, as a keyboard does, while the page itself stays as it is.
  await inspector.send('Emulation.setPageScaleFactor', { pageScaleFactor: 2 });
  await expect.poll(height).toBe('320px');
});

test('tells nobody that its person types, where that is switched off', async () => {
  const room = 'room="project:p1" open';
  const [ann, ben] = await Promise.all([open({ user: 'ann', more: room }), open({ user: 'ben', more: `${room} typing-indicators="off"` })]);
  for (const tab of [ann, ben]) await tab.page.locator('[data-chat-mode=websocket]').waitFor();
  await ann.page.evaluate(() => {
    const root = document.querySelector('causerie-chat')?.shadowRoot;
    const seen: string[] = [];
    Object.assign(globalThis, { seen });
    const look = () => seen.push(root?.querySelector('[data-testid=typing]')?.textContent ?? '');
    if (root) new MutationObserver(look).observe(root, { subtree: true, childList: true, characterData: true, attributes: true });
  });
  await ben.byTestId('message-input').pressSequentially('typed by hand');
  await ben.page.keyboard.press('Enter');
  await ann.page.locator('.other', { hasText: 'typed by hand' }).waitFor();
  const seen = await ann.page.evaluate(() => (globalThis as unknown as { seen: string[] }).seen);
  expect(seen.filter((text) => text.includes('Someone'))).toEqual([]);
});
