// Why there is no connection is told in words of its own, whatever the reason is.
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, test } from 'vitest';
import { tokenOf } from '../../../core/test/integration/support/cluster.js';
import { startBrowser, Tab } from './support/browser.js';
import { PageServer } from './support/page-server.js';
import { ChatServer } from './support/server.js';

let pages: PageServer;
let server: ChatServer;
let browser: Browser;
let tab: Tab | undefined;

beforeAll(async () => {
  pages = await PageServer.start();
  browser = await startBrowser();
});

afterEach(async () => {
  await tab?.close();
  await server?.end();
});

afterAll(async () => {
  await browser?.close();
  await pages?.end();
});

/** A page with the chat open, at a server of its own. */
async function open(more = '', env: Record<string, string> = {}): Promise<Tab> {
  server = await ChatServer.start(pages.origin, env);
  pages.chat = server.url;
  const opened = (tab = await Tab.of(browser));
  const body = `<causerie-chat url="${server.url}" tenant-hash="acme-hash" open></causerie-chat>${more}<script src="/causerie-chat.js" defer></script>`;
  await opened.page.goto(`${pages.origin}/?body=${encodeURIComponent(body)}`);
  return opened;
}

const says = (one: Tab, words: string) => one.byTestId('status').getByText(words).waitFor();

/** The conversation has been read. */
const isShown = (one: Tab) => one.page.locator('causerie-chat').getByText('How can we help?').waitFor();

const elsewhere = { id: 'acme', hash: 'acme-hash', origins: ['https://elsewhere.example'], visitors: true };

test('a page that another tenant lets in, and this one does not', async () => {
  const other = { id: 'other', hash: 'other-hash', origins: [pages.origin], visitors: true };
  const one = await open('', { TENANTS: JSON.stringify([elsewhere, other]) });
  await says(one, 'This page may not connect here.');
  await one.page.getByRole('button', { name: 'Connect again' }).waitFor();
  await one.isAccessible('origin refused');
});

test.each([
  ['of a visitor', null],
  ['of somebody with a token', tokenOf('u1')],
])('a page that no tenant lets in, %s', async (_, token) => {
  pages.scripts.set('/person.js', token ? `document.querySelector('causerie-chat').getToken = async () => '${token}';` : '');
  const one = await open('<script src="/person.js"></script>', { TENANTS: JSON.stringify([elsewhere]) });
  await says(one, 'This page may not connect here.');
  await one.page.getByRole('button', { name: 'Connect again' }).waitFor();
});

test('a token that is not taken', async () => {
  pages.scripts.set('/forged.js', "document.querySelector('causerie-chat').getToken = async () => 'forged';");
  const one = await open('<script src="/forged.js"></script>');
  await says(one, 'Your sign-in was not accepted.');
  await one.page.getByRole('button', { name: 'Connect again' }).waitFor();
  await one.isAccessible('token refused');
});

test('a person who comes back too often', async () => {
  pages.scripts.set('/person.js', `document.querySelector('causerie-chat').getToken = async () => '${tokenOf('u1')}';`);
  const one = await open('<script src="/person.js"></script>', { LIMITS_EXEMPT: '192.0.2.0/24', LIMITS_CONNECTIONS_PER_MINUTE_PER_USER: '1' });
  await isShown(one);
  server.proxy.cut();
  await says(one, 'Too many requests. Trying again…');
  await one.isAccessible('rate limited');
});

test('a message of a person who says too much', async () => {
  pages.scripts.set('/person.js', `document.querySelector('causerie-chat').getToken = async () => '${tokenOf('u1')}';`);
  const one = await open('<script src="/person.js"></script>', { LIMITS_EXEMPT: '192.0.2.0/24', LIMITS_MESSAGES_PER_MINUTE_PER_USER: '1' });
  for (const said of ['first', 'second', 'third']) await one.ask(said);
  // The first that is one too many holds up those after it.
  await one.byTestId('user-message').getByText('Too many requests. Trying again…').waitFor();
});

test('a conversation that cannot be read, and then can', async () => {
  const one = await open();
  await isShown(one);
  await one.page.route('**/history*', (route) => route.fulfill({ status: 500, body: 'broken' }));
  await one.page.reload();
  const again = one.page.getByRole('button', { name: 'Try again' });
  await again.waitFor();
  await one.isAccessible('history unread');
  await one.page.unroute('**/history*');
  await again.click();
  await isShown(one);
});

test('a person who does nothing for long, and then something', async () => {
  const one = await open('', { WEBSOCKET_IDLE_TIMEOUT: '1s' });
  await says(one, 'Paused. Write something to go on.');
  await one.isAccessible('idle');
  await one.ask('hello');
  await one.page.locator('[data-testid=assistant-message][data-state=sent]', { hasText: 'You said: hello' }).waitFor();
});

test('a server that is about to end', async () => {
  const one = await open();
  await isShown(one);
  // Who comes back finds nobody yet, so that it stays so for a while.
  server.proxy.leavesUpgrades = true;
  server.drain();
  await says(one, 'The server is restarting. Reconnecting…');
  await one.isAccessible('draining');
});

test('a server that is not there', async () => {
  const one = await open();
  await one.page.locator('[data-chat-mode=websocket]').waitFor();
  await server.proxy.shut();
  await says(one, 'The server cannot be reached. Trying again…');
  await one.isAccessible('unreachable');
});
