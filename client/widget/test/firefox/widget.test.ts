// The widget in Firefox, under a policy as strict as they get, against a real server; by hand.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { PageServer } from '../browser/support/page-server.js';
import { ChatServer } from '../browser/support/server.js';
import { Firefox } from './firefox.js';

const FORTY_WORDS = Array.from({ length: 40 }, (_, at) => `word${at}`).join(' ');

const ENTER = '\uE007';

const SOON = { timeout: 20_000 };

let pages: PageServer;
let server: ChatServer;
let firefox: Firefox;

beforeAll(async () => {
  pages = await PageServer.start();
  server = await ChatServer.start(pages.origin);
  pages.chat = server.url;
  pages.scripts.set('/page.js', `const chat = document.querySelector('causerie-chat'), all = (css) => [...chat.shadowRoot.querySelectorAll(css)];`);
  firefox = await Firefox.start();
});

afterAll(async () => {
  firefox?.end();
  await server?.end();
  await pages?.end();
});

afterEach(() => {
  // That a server is away is told there, and is wanted; for the page's icon it asks whatever the policy says.
  expect(firefox.faults.splice(0).filter((fault) => !/can’t establish a connection|was interrupted|favicon/.test(fault))).toEqual([]);
});

async function open(mode = 'auto'): Promise<void> {
  const body = `<causerie-chat open url="${server.url}" tenant-hash="acme-hash" mode="${mode}"></causerie-chat>
    <script src="/page.js"></script><script src="/causerie-chat.js" defer></script>`;
  await firefox.open(`${pages.origin}/?body=${encodeURIComponent(body)}`);
}

/** The texts of the person's messages, or of the assistant's in this state. */
const said = () => firefox.is<string[]>(`all('[data-testid=user-message] .plain').map((one) => one.textContent)`);
const answers = (state: string) => firefox.is<string[]>(`all('[data-testid=assistant-message][data-state=${state}] .markdown').map((one) => one.innerText)`);

test.each(['websocket', 'streaming', 'http'])('a question that was typed is answered, by %s', async (mode) => {
  await open(mode);
  await firefox.is('chat.focus()');
  await firefox.type(`hello${ENTER}`);
  await expect.poll(() => answers('sent'), SOON).toEqual(['You said: hello']);
  expect(await said()).toEqual(['hello']);
  expect(await firefox.is('chat.dataset.chatMode')).toBe(mode);
});

test('cut off in mid-reply, the answer goes on where it was', async () => {
  await open();
  await firefox.is(`chat.send('${FORTY_WORDS}')`);
  await expect.poll(() => answers('streaming').then(String), SOON).toContain('word3');
  server.proxy.cut();
  await expect.poll(() => answers('sent'), SOON).toEqual([`You said: ${FORTY_WORDS}`]);
  expect(await said()).toHaveLength(1);
});

test('what is written without a connection outlives its page, and is sent once and in order', async () => {
  await open();
  await firefox.is(`chat.send('before')`);
  await expect.poll(() => answers('sent'), SOON).toHaveLength(1);
  const { port } = server.proxy;
  await server.proxy.shut();
  try {
    await firefox.is(`['one', 'two'].forEach((text) => chat.send(text))`);
    await expect.poll(said, SOON).toEqual(['before', 'one', 'two']);
    await firefox.reload();
    await expect.poll(said, SOON).toEqual(['one', 'two']);
  } finally {
    await server.proxy.open(port);
  }
  await expect.poll(() => answers('sent').then(String), SOON).toContain('You said: two');
  expect(await said()).toEqual(['before', 'one', 'two']);
});

test('hostile Markdown does nothing', async () => {
  await open();
  await firefox.is(`chat.send('<img src=x onerror=alert(1)> [x](javascript:alert(1)) <script>alert(1)<\\/script> **bold**')`);
  await expect.poll(() => answers('sent'), SOON).toHaveLength(1);
  expect(await firefox.is(`[all('.markdown strong').length, all('.markdown :is(img, script, [onerror], [href^=javascript])').length]`)).toEqual([1, 0]);
});
