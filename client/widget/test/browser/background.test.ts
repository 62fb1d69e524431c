// A page that nobody looks at: hidden, so that the browser draws nothing of it and holds its timers back, and frozen.
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { tokenOf } from '../../../core/test/integration/support/cluster.js';
import { Person } from '../../../core/test/integration/support/person.js';
import { startBrowser } from './support/browser.js';
import { PageServer } from './support/page-server.js';
import { AS_IF_IN_FRONT, PlainTab } from './support/plain-tab.js';
import { ChatServer } from './support/server.js';

const ROOM = 'project:p1';

const SOON = { timeout: 15_000 };

let pages: PageServer;
let server: ChatServer;
let browser: Browser;
let ben: Person;
let tab: PlainTab;

beforeAll(async () => {
  pages = await PageServer.start();
  server = await ChatServer.start(pages.origin);
  pages.chat = server.url;
  pages.scripts.set(
    '/ann.js',
    `const chat = document.querySelector('causerie-chat');
    chat.getToken = async () => '${tokenOf('ann')}';
    const heard = [];
    const states = [];
    chat.addEventListener('chat-state', ({ detail }) => states.push(detail.name));
    const told = () => JSON.stringify({ states, state: chat.client?.state, rooms: chat.client?.rooms, heard });
    chat.addEventListener('chat-message', ({ detail }) => heard.push(detail.text));
    let ticks = 0;
    setInterval(() => ticks++, 10);`,
  );
  browser = await startBrowser({ ignoreDefaultArgs: AS_IF_IN_FRONT });
  ben = new Person({ url: server.url, user: 'ben' });
});

afterAll(async () => {
  ben?.client.close();
  await browser?.close();
  await server?.end();
  await pages?.end();
});

beforeEach(async () => {
  const body = `<causerie-chat url="${server.url}" tenant-hash="acme-hash" room="${ROOM}" open></causerie-chat>
    <script src="/ann.js"></script><script src="/causerie-chat.js" defer></script>`;
  tab = await PlainTab.open(browser, `${pages.origin}/?body=${encodeURIComponent(body)}`);
  await expect.poll(isUp, SOON).toBe(true);
});

afterEach(async ({ task }) => {
  const { faults } = tab;
  // Why it was not as it should be is seen in what it went through.
  if (task.result?.state === 'fail') console.error(`${task.name}: ${await tab.is<string>('told()').catch(String)}`);
  await tab.close();
  expect(faults).toEqual([]);
});

/** In the room, and the chat is read: what comes from then on is new. */
const isUp = () => tab.is<boolean>(`chat.client?.rooms.includes('${ROOM}') && chat.shadowRoot.textContent.includes('How can we help?')`);
const heard = () => tab.is<string[]>('heard');
const shown = () => tab.is<string[]>(`[...chat.shadowRoot.querySelectorAll('.other .plain')].map((one) => one.textContent)`);

async function hide(): Promise<void> {
  await tab.hide();
  await expect.poll(() => tab.is('document.hidden'), SOON).toBe(true);
}

/** Ben says something in the room. */
const say = (text: string) => ben.client.send(text, { room: ROOM, sessionId: 'chat', ai: false }).acked;

test('in the background a page is told at once what is said, and counts it as unread', async () => {
  await hide();
  await say('psst');
  await expect.poll(heard, SOON).toEqual(['psst']);
  expect(await tab.is('[document.hidden, chat.unread]')).toEqual([true, 1]);
  await tab.show();
  await expect.poll(shown, SOON).toEqual(['psst']);
  await expect.poll(() => tab.is('chat.unread'), SOON).toBe(0);
});

test('cut off in the background it comes back there, and misses nothing', async () => {
  await hide();
  server.proxy.cut();
  await say('are you there?');
  await expect.poll(heard, SOON).toEqual(['are you there?']);
  expect(await tab.is('[document.hidden, states.includes("recovering")]')).toEqual([true, true]);
});

test('frozen, it has missed nothing when it is looked at again', async () => {
  await hide();
  await tab.freeze();
  const ticks = await tab.is('ticks');
  server.proxy.cut();
  for (const text of ['one', 'two', 'three']) await say(text);
  expect(await tab.is('[ticks, heard.length]')).toEqual([ticks, 0]);
  await tab.thaw();
  await tab.show();
  await expect.poll(heard, SOON).toEqual(['one', 'two', 'three']);
  await expect.poll(async () => (await shown()).slice(-3), SOON).toEqual(['one', 'two', 'three']);
  await expect.poll(isUp, SOON).toBe(true);
});
