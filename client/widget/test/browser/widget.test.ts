import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { tokenOf } from '../../../core/test/integration/support/cluster.js';
import { startBrowser, Tab } from './support/browser.js';
import { PageServer } from './support/page-server.js';
import { ChatServer } from './support/server.js';

const FORTY_WORDS = Array.from({ length: 40 }, (_, at) => `word${at}`).join(' ');

let pages: PageServer;
let server: ChatServer;
let browser: Browser;
const tabs: Tab[] = [];

/** A tab with this in its body; by default with the one script tag that a page needs. */
async function open({ body = tag(), query = '', ...options }: BrowserContextOptions & { body?: string; query?: string } = {}): Promise<Tab> {
  const tab = await Tab.of(browser, options);
  tabs.push(tab);
  await tab.page.goto(`${pages.origin}/?body=${encodeURIComponent(body)}${query}`);
  return tab;
}

const tag = (more = 'data-open') =>
  `<script src="/causerie-chat.js" defer data-url="${server.url}" data-tenant-hash="acme-hash" ${more}></script>`;

beforeAll(async () => {
  pages = await PageServer.start();
  server = await ChatServer.start(pages.origin);
  pages.chat = server.url;
  browser = await startBrowser();
});

afterEach(async () => {
  // Nothing that a page's policy forbids was tried, and nothing was thrown.
  const faults = tabs.flatMap(({ faults }) => faults);
  await Promise.all(tabs.splice(0).map((tab) => tab.close()));
  expect(faults).toEqual([]);
});

afterAll(async () => {
  await browser?.close();
  await server?.end();
  await pages?.end();
});

describe('a question', () => {
  test('is answered piece by piece, and its state is told', async () => {
    const tab = await open();
    await tab.isAccessible('before anything is said');
    await tab.ask(`**bold** ${FORTY_WORDS}`);
    const answer = tab.byTestId('assistant-message');
    await answer.locator('strong').waitFor();
    expect(await answer.getAttribute('data-state')).toBe('streaming');
    expect(await tab.byTestId('typing').innerText()).toContain('Assistant is typing…');
    await tab.isAccessible('while the answer comes');
    await tab.page.getByText('✓ Sent').waitFor();
    await tab.page.locator('[data-testid=assistant-message][data-state=sent]').waitFor();
    expect(await answer.innerText()).toContain(`You said: bold ${FORTY_WORDS}`);
    expect(await tab.byTestId('typing').isVisible()).toBe(false);
    await tab.isAccessible('when the answer is there');
  });

  test('goes by the transport that the page shows', async () => {
    for (const [mode, query] of [['websocket', '&ws=true'], ['streaming', ''], ['http', '']] as const) {
      const tab = await open({ body: tag(`data-open data-mode="${mode}"`), query });
      await tab.ask('hello');
      await tab.page.locator('[data-testid=assistant-message][data-state=sent]').waitFor();
      expect(await tab.page.locator('[data-chat-mode]').getAttribute('data-chat-mode')).toBe(mode);
    }
  });

  test('is stopped by the button', async () => {
    const tab = await open();
    await tab.ask(`${FORTY_WORDS} ${FORTY_WORDS}`);
    await tab.page.getByText('word3').nth(1).waitFor();
    await tab.byTestId('stop-button').click();
    await tab.page.locator('[data-testid=assistant-message][data-state=cancelled]').waitFor();
    expect(await tab.byTestId('assistant-message').innerText()).toContain('Stopped');
    expect(await tab.byTestId('assistant-message').innerText()).not.toContain('word39');
    expect(await tab.byTestId('stop-button').isVisible()).toBe(false);
    await tab.isAccessible('after it was stopped');
  });

  test('whose page is loaded anew gets the rest of its answer', async () => {
    const tab = await open();
    await tab.ask(FORTY_WORDS);
    await tab.page.locator('[data-testid=assistant-message][data-state=streaming]', { hasText: 'word3' }).waitFor();
    await tab.page.reload();
    await tab.page.locator('[data-testid=assistant-message][data-state=streaming]', { hasText: 'word3' }).waitFor();
    await tab.page.locator('[data-testid=assistant-message][data-state=sent]', { hasText: 'word39' }).waitFor();
    expect(await tab.byTestId('assistant-message').count()).toBe(1);
    expect(await tab.byTestId('user-message').count()).toBe(1);
  });

  test('that the server refuses can be tried again, or discarded', async () => {
    const tab = await open({ body: tag('data-open data-room="tenant"') });
    await tab.ask('may I?');
    const question = tab.page.locator('[data-testid=user-message][data-state=failed]');
    await question.waitFor();
    // It is read out as it changes.
    expect(await question.getByRole('status').innerText()).toContain('Not sent.');
    await tab.isAccessible('when a message has failed');
    await tab.byTestId('retry-button').click();
    expect(await tab.byTestId('message-input').evaluate((input) => input.matches(':focus'))).toBe(true);
    await question.waitFor();
    await question.getByRole('button', { name: 'Discard' }).click();
    await question.waitFor({ state: 'detached' });
  });

  test('that is too long stays where it is written', async () => {
    const tab = await open();
    await tab.ask('x'.repeat(33_000));
    await tab.page.getByText('This is too long').waitFor();
    expect((await tab.byTestId('message-input').inputValue()).length).toBe(33_000);
    await tab.isAccessible('when a message is too long');
  });
});

describe('without a connection', () => {
  const NUMBERS = ['one', 'two', 'three', 'four', 'five'];

  test('questions wait, and are told to wait; then they are sent in order', async () => {
    const tab = await open();
    await tab.ask('before');
    await tab.page.locator('[data-testid=assistant-message][data-state=sent]').waitFor();
    const { port } = server.proxy;
    await server.proxy.shut();
    try {
      await tab.byTestId('status').getByText('The server cannot be reached. Trying again…').waitFor();
      for (const text of NUMBERS) await tab.ask(text);
      await tab.byTestId('status').getByText('Messages that wait: 5').waitFor();
      expect(await tab.page.getByText('Waits for the connection').count()).toBe(5);
      await tab.isAccessible('without a connection');
      // What waits outlives its page.
      await tab.page.reload();
      await tab.page.getByText('five').waitFor();
    } finally {
      await server.proxy.open(port);
    }
    await tab.page.locator('[data-testid=assistant-message][data-state=sent]', { hasText: 'You said: five' }).waitFor();
    const said = await tab.page.locator('[data-testid=user-message] .plain').allTextContents();
    expect(said).toEqual(['before', ...NUMBERS]);
    expect(await tab.byTestId('status').isVisible()).toBe(false);
  });
});

describe('what a model says', () => {
  const HOSTILE = [
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '<svg onload=alert(1)><a xlink:href="javascript:alert(1)">a</a></svg>',
    '<style>* { display: none }</style>',
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    '<form action="/x"><input name=y><button>go</button></form>',
    '[link](javascript:alert(1)) [other](data:text/html,<script>alert(1)</script>) [third](/logout) [fourth](JaVaScRiPt:alert(1))',
    '![image](https://example.com/track.png) ![x](x" onerror="alert(1))',
    '`<b onclick=alert(1)>` [x](https://example.com/"onmouseover="alert(1))',
    '<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>',
  ];

  test('does nothing, whatever it is', async () => {
    const tab = await open();
    const asked: string[] = [];
    tab.page.on('request', (request) => asked.push(request.url()));
    await tab.ask(HOSTILE.join('\n\n'));
    const answer = tab.page.locator('[data-testid=assistant-message][data-state=sent]');
    await answer.waitFor();
    const found = await answer.evaluate((element) => {
      const all = [...element.querySelectorAll('*')];
      const attributes = all.flatMap(({ attributes }) => [...attributes].map(({ name }) => name));
      return {
        elements: [...new Set(all.map(({ localName }) => localName))].sort(),
        handlers: attributes.filter((name) => name.startsWith('on') || name === 'style'),
        links: all.flatMap((one) => (one instanceof HTMLAnchorElement ? [`${one.getAttribute('href')} ${one.target} ${one.rel}`] : [])),
      };
    });
    expect(found.elements).toEqual(['a', 'code', 'div', 'p', 'span']);
    expect(found.handlers).toEqual([]);
    for (const link of found.links) expect(link).toMatch(/^(null +|https:\/\/example\.com\/\S+ _blank noopener noreferrer nofollow)$/);
    expect(asked.filter((url) => url.includes('example.com'))).toEqual([]);
    expect(await answer.innerText()).toContain('<script>alert(1)</script>');
    await tab.isAccessible('with hostile text');
  });

  test('has its images shown, and no more, as soon as the page says so', async () => {
    const tab = await open({ query: '&lax' });
    await tab.ask(`![a picture](${pages.origin}/picture.png)\n\nThe end.`);
    const answer = tab.page.locator('[data-testid=assistant-message][data-state=sent]');
    await answer.getByRole('link', { name: 'a picture' }).waitFor();
    const element = tab.page.locator('causerie-chat');
    await element.evaluate((chat) => chat.setAttribute('images', ''));
    await answer.getByRole('img', { name: 'a picture' }).waitFor();
    await element.evaluate((chat) => chat.removeAttribute('images'));
    await answer.getByRole('link', { name: 'a picture' }).waitFor();
    expect(await answer.locator('.markdown').innerText()).toBe('You said: a picture\n\nThe end.');
  });

  test('touches only what has changed as it comes', async () => {
    const tab = await open();
    await tab.ask(`first paragraph\n\n- one\n- two **bold**\n\n${FORTY_WORDS}`);
    const answer = tab.byTestId('assistant-message');
    await answer.getByText('word1 ').waitFor();
    await answer.evaluate((element) => {
      const changes: string[] = [];
      Object.assign(globalThis, { changes });
      const blocks = element.querySelector('.markdown');
      const all = { childList: true, characterData: true, attributes: true, subtree: true };
      if (blocks) new MutationObserver((records) => changes.push(...records.map(({ type, target }) => `${type} ${target.nodeName} ${target.parentElement?.localName}`))).observe(blocks, all);
    });
    await tab.page.locator('[data-testid=assistant-message][data-state=sent]').waitFor();
    const changes = await tab.page.evaluate(() => (globalThis as unknown as { changes: string[] }).changes);
    expect(changes.length).toBeGreaterThan(3);
    // Text was added to the last paragraph, and nothing else.
    expect([...new Set(changes)]).toEqual(['characterData #text p']);
  });

  test('is read out once, when it is whole', async () => {
    const tab = await open();
    await tab.ask(FORTY_WORDS);
    await tab.page.locator('[data-testid=assistant-message][data-state=streaming]', { hasText: 'word3' }).waitFor();
    expect(await tab.announced()).toEqual(['Assistant is typing…']);
    await tab.page.locator('[data-testid=assistant-message][data-state=sent]').waitFor();
    await expect.poll(() => tab.announced()).toEqual(['Assistant is typing…', `Assistant: You said: ${FORTY_WORDS}`]);
    const live = await tab.page.locator('causerie-chat [role=log]').getAttribute('aria-live');
    expect(live).toBe('off');
  });
});

test('a hundred messages later no more than 5 MB are held, and all can be read back', { timeout: 180_000 }, async () => {
  const tab = await open();
  const inspector = await tab.context.newCDPSession(tab.page);
  const held = async () => {
    await inspector.send('HeapProfiler.collectGarbage');
    const { usedSize } = await inspector.send('Runtime.getHeapUsage');
    return usedSize;
  };
  const talk = async (from: number, to: number) => {
    for (let at = from; at < to; at++) {
      await tab.ask(`number ${at}.`);
      await tab.page.locator('[data-testid=assistant-message][data-state=sent]', { hasText: `number ${at}.` }).waitFor();
    }
  };
  await talk(0, 5);
  const before = await held();
  await talk(5, 105);
  const grown = (await held()) - before;
  console.log(`a hundred messages and their answers hold ${Math.round(grown / 1_000)} kB`);
  expect(grown).toBeLessThan(5_000_000);

  await tab.page.reload();
  await tab.page.getByText('You said: number 104.').waitFor();
  const earlier = tab.page.getByRole('button', { name: 'Earlier messages' });
  const scroller = tab.page.getByRole('log');
  while (await earlier.isVisible()) {
    await scroller.evaluate((element) => (element.scrollTop = 0));
    const count = await tab.byTestId('user-message').count();
    const said = await tab.byTestId('user-message').first().locator('.plain').innerText();
    const topOf = async () => (await tab.page.getByText(said, { exact: true }).boundingBox())?.y ?? 0;
    const top = await topOf();
    await earlier.click();
    await expect.poll(() => tab.byTestId('user-message').count()).toBeGreaterThan(count);
    // What was in sight stays there, when there is no more and the button goes as well.
    expect(Math.abs((await topOf()) - top)).toBeLessThan(2);
  }
  expect(await tab.byTestId('user-message').count()).toBe(105);
});

describe('what is said by others', () => {
  /** A page whose own server knows its person. */
  const member = (user: string, more = '') => {
    const body = `<causerie-chat room="project:p1" url="${server.url}" ${more}></causerie-chat>
      <script src="/${user}.js"></script><script src="/causerie-chat.js" defer></script>`;
    pages.scripts.set(`/${user}.js`, `document.querySelector('causerie-chat').getToken = async () => '${tokenOf(user)}';`);
    return open({ body });
  };

  test('is shown while they type and when they have said it, and told where it was not seen', async () => {
    const [ann, ben] = await Promise.all([member('ann', 'open'), member('ben', 'eager')]);
    const unread = ben.page.getByRole('button', { name: 'Open chat, unread messages: 2' });
    await Promise.all([ann, ben].map((tab) => tab.page.locator('[data-chat-mode=websocket]').waitFor({ state: 'attached' })));
    await ann.ask('hello Ben');
    await unread.waitFor();
    await unread.click();
    await ben.page.locator('.other', { hasText: 'hello Ben' }).waitFor();
    await ben.byTestId('message-input').pressSequentially('hi');
    await ann.byTestId('typing').getByText('Someone is typing…').waitFor();
    await ann.isAccessible('while somebody types');
    await ben.page.keyboard.press('Enter');
    await ann.page.locator('.other', { hasText: 'hi' }).waitFor();
    await expect.poll(() => ann.announced()).toContain('Someone: hi');
  });
});

describe('the frame', () => {
  test('keeps the end in sight, unless the person has gone elsewhere', async () => {
    const tab = await open();
    const scroller = tab.page.getByRole('log');
    const fromEnd = () => scroller.evaluate(({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight);
    await tab.ask(Array.from({ length: 60 }, (_, at) => `line ${at}.`).join('\n'));
    const answer = tab.page.locator('[data-testid=assistant-message]');
    await answer.getByText('line 20.').waitFor();
    expect(await fromEnd()).toBeLessThan(2);
    await scroller.evaluate((element) => (element.scrollTop = 0));
    await answer.getByText('line 30.').waitFor();
    expect(await scroller.evaluate(({ scrollTop }) => scrollTop)).toBe(0);
    await tab.page.getByRole('button', { name: 'Go to the newest message' }).click();
    await answer.getByText('line 59.').waitFor();
    expect(await fromEnd()).toBeLessThan(2);
  });

  test('is used by keyboard alone', async () => {
    const tab = await open({ body: tag('') });
    const { keyboard } = tab.page;
    await tab.page.getByRole('button', { name: 'Open chat' }).waitFor();
    await tab.isAccessible('closed');
    await tab.page.getByRole('link', { name: 'link' }).focus();
    await keyboard.press('Tab');
    await keyboard.press('Enter');
    await tab.byTestId('message-input').waitFor();
    await keyboard.type('first line');
    await keyboard.press('Shift+Enter');
    await keyboard.type('second line');
    await keyboard.press('Enter');
    await tab.page.locator('[data-testid=assistant-message][data-state=sent]').waitFor();
    expect(await tab.page.locator('[data-testid=user-message] .plain').innerText()).toBe('first line\nsecond line');
    await keyboard.type(FORTY_WORDS);
    await keyboard.press('Enter');
    await tab.byTestId('stop-button').waitFor();
    await keyboard.press('Tab');
    await keyboard.press('Enter');
    await tab.page.locator('[data-testid=assistant-message][data-state=cancelled]').waitFor();
    await keyboard.type('goes on');
    expect(await tab.byTestId('message-input').inputValue()).toBe('goes on');
    await keyboard.press('Escape');
    await tab.byTestId('message-input').waitFor({ state: 'hidden' });
    await keyboard.press('Enter');
    await tab.byTestId('message-input').waitFor();
    expect(await tab.byTestId('message-input').inputValue()).toBe('goes on');
  });

  test('keeps the focus where it covers the page', async () => {
    const tab = await open({ viewport: { width: 360, height: 640 } });
    await tab.page.getByRole('dialog', { name: 'Chat' }).waitFor();
    await tab.byTestId('send-button').focus();
    await tab.page.keyboard.press('Tab');
    expect(await tab.page.getByRole('button', { name: 'Close chat' }).evaluate((one) => one.matches(':focus'))).toBe(true);
    await tab.page.keyboard.press('Shift+Tab');
    expect(await tab.byTestId('send-button').evaluate((one) => one.matches(':focus'))).toBe(true);
    await tab.isAccessible('on a small screen');
  });

  test('keeps the focus with what the page has put into its header', async () => {
    const body = `<causerie-chat url="${server.url}" tenant-hash="acme-hash" open><p slot="header"><a href="#help">Help</a></p></causerie-chat>
      <script src="/causerie-chat.js" defer></script>`;
    const tab = await open({ viewport: { width: 360, height: 640 }, body });
    const help = tab.page.getByRole('link', { name: 'Help' });
    await help.waitFor();
    const hasFocus = (one: typeof help) => one.evaluate((element) => element.matches(':focus'));
    await tab.byTestId('send-button').focus();
    await tab.page.keyboard.press('Tab');
    expect(await hasFocus(help)).toBe(true);
    await tab.page.keyboard.press('Shift+Tab');
    expect(await hasFocus(tab.byTestId('send-button'))).toBe(true);
    await tab.page.keyboard.press('Tab');
    await tab.page.keyboard.press('Tab');
    expect(await hasFocus(tab.page.getByRole('button', { name: 'Close chat' }))).toBe(true);
    await tab.page.keyboard.press('Shift+Tab');
    expect(await hasFocus(help)).toBe(true);
  });

  test('tells the page what happens, and ends with its element', async () => {
    const tab = await open({ body: tag('') });
    const element = tab.page.locator('causerie-chat');
    await element.waitFor();
    await element.evaluate((chat) => {
      const told: string[] = [];
      Object.assign(globalThis, { told });
      for (const name of ['chat-open', 'chat-close', 'chat-state', 'chat-unread', 'chat-message', 'chat-error']) {
        chat.addEventListener(name, (event) => {
          const detail = (event as CustomEvent).detail as { name?: string; count?: number; text?: string } | null;
          told.push([name, detail?.name ?? detail?.count ?? detail?.text].filter((one) => one !== undefined).join(' '));
        });
      }
    });
    const told = () => tab.page.evaluate(() => (globalThis as unknown as { told: string[] }).told);
    await element.evaluate((chat) => (chat as unknown as { send(text: string): void }).send('from the page'));
    await expect.poll(told).toEqual(['chat-state connecting', 'chat-state ready', 'chat-unread 1', 'chat-message You said: from the page']);
    await element.evaluate((chat) => (chat as unknown as { show(): void }).show());
    await element.evaluate((chat) => (chat as unknown as { hide(): void }).hide());
    await expect.poll(async () => (await told()).slice(4)).toEqual(['chat-open', 'chat-unread 0', 'chat-close']);
    const states = await element.evaluate(async (chat) => {
      const { client } = chat as unknown as { client: { state: { name: string } } };
      const states = [client.state.name];
      // One that is moved stays connected.
      document.querySelector('main')?.append(chat);
      await new Promise((resolve) => setTimeout(resolve));
      states.push(client.state.name);
      chat.remove();
      await new Promise((resolve) => setTimeout(resolve));
      return [...states, client.state.name];
    });
    expect(states).toEqual(['ready', 'ready', 'closed']);
  });

  test('tells how much is unread, after a reload as well', async () => {
    const tab = await open({ body: tag('') });
    await tab.page.getByRole('button', { name: 'Open chat' }).click();
    await tab.ask(FORTY_WORDS);
    await tab.page.locator('[data-testid=assistant-message][data-state=streaming]').waitFor();
    await tab.page.getByRole('button', { name: 'Close chat' }).first().click();
    await tab.page.getByRole('button', { name: 'Open chat, unread messages: 1' }).waitFor();
    await tab.isAccessible('closed, with unread messages');
    await tab.page.reload();
    await tab.page.getByRole('button', { name: 'Open chat, unread messages: 1' }).click();
    await tab.page.getByText('word39').nth(1).waitFor();
    await tab.page.getByRole('button', { name: 'Close chat' }).first().click();
    await tab.page.getByRole('button', { name: 'Open chat', exact: true }).waitFor();
  });

  test('tells in no tab to be unread what was read in another one', async () => {
    const tab = await open({ body: tag('data-eager') });
    const other = await tab.another();
    tabs.push(other);
    await other.page.goto(tab.page.url());
    for (const { page } of [tab, other]) await page.locator('[data-chat-mode]').waitFor();
    await tab.page.locator('causerie-chat').evaluate((chat) => (chat as unknown as { send(text: string): void }).send('from the page'));
    const unread = 'Open chat, unread messages: 1';
    for (const { page } of [tab, other]) await page.getByRole('button', { name: unread }).waitFor();
    await other.page.getByRole('button', { name: unread }).click();
    await tab.page.getByRole('button', { name: 'Open chat', exact: true }).waitFor();
  });

  test('begins when it is put into the page, however long after it was told what to do', async () => {
    const tab = await open({ body: '<script src="/causerie-chat.js" defer></script>' });
    await tab.page.evaluate(async (url) => {
      const chat = document.createElement('causerie-chat');
      const set = (of: object) => Object.entries(of).forEach(([name, value]) => chat.setAttribute(name, value));
      const turn = () => new Promise((resolve) => setTimeout(resolve));
      set({ url, 'tenant-hash': 'acme-hash', open: '', heading: 'First' });
      await turn();
      document.body.append(chat);
      await turn();
      set({ heading: 'Second' });
      chat.remove();
      await turn();
      document.body.append(chat);
    }, server.url);
    await tab.page.getByRole('dialog', { name: 'Second' }).waitFor();
    await tab.page.locator('[data-chat-mode]').waitFor();
  });

  test('keeps what the page says at once', async () => {
    const tab = await open({ body: '<script src="/causerie-chat.js" defer></script>' });
    await tab.page.evaluate((url) => {
      const chat = document.createElement('causerie-chat') as HTMLElement & { send(text: string): void };
      for (const [name, value] of Object.entries({ url, 'tenant-hash': 'acme-hash', storage: 'none', open: '' })) chat.setAttribute(name, value);
      document.body.append(chat);
      chat.send('at once');
    }, server.url);
    await tab.page.locator('[data-testid=assistant-message][data-state=sent]', { hasText: 'You said: at once' }).waitFor();
  });

  test('costs the server nothing before it is opened', async () => {
    const asked = server.proxy.asked.length;
    const tab = await open({ body: tag('') });
    await tab.page.getByRole('button', { name: 'Open chat' }).waitFor();
    expect(server.proxy.asked.length).toBe(asked);
    await tab.page.getByRole('button', { name: 'Open chat' }).click();
    await tab.page.locator('[data-chat-mode]').waitFor();
    expect(server.proxy.asked.length).toBeGreaterThan(asked);
  });

  test.each(['light', 'dark'] as const)('is readable in %s, on a small screen as well', async (colorScheme) => {
    for (const viewport of [{ width: 1_000, height: 800 }, { width: 360, height: 640 }]) {
      const tab = await open({ body: tag('data-open data-theme="system"'), colorScheme, viewport });
      await tab.ask('# A\n\n> quoted `code`\n\n| a | b |\n|---|---|\n| 1 | [https://example.com](https://example.com) |\n\n[![x](https://example.com/x.png)](https://example.com)\n\n```\ncode\n```');
      await tab.page.locator('[data-testid=assistant-message][data-state=sent]').waitFor();
      await tab.isAccessible(`${colorScheme}, ${viewport.width} wide`);
      const box = await tab.page.locator('causerie-chat .panel').boundingBox();
      if (viewport.width === 360) expect(box).toEqual({ x: 0, y: 0, ...viewport });
    }
  });

  test.each([
    ['data-mode="pigeon"', '`mode` is "pigeon": it has to be auto or websocket or streaming or http or advised.'],
    ['data-layout="upright"', '`layout` is "upright": it has to be floating or inline.'],
    [`data-texts="{"`, '`texts` is "{": it has to be an object in JSON, as {"send": "Envoyer"}.'],
  ])('names what is wrong: %s', async (more, sentence) => {
    const tab = await open({ body: tag(more) });
    await expect.poll(() => tab.faults.splice(0).join()).toContain(sentence);
  });

  test('takes other words, and shows itself in the page', async () => {
    const body = `<script src="/causerie-chat.js" defer></script>
      <causerie-chat layout="inline" heading="Hilfe" url="${server.url}" tenant-hash="acme-hash" texts='{"send":"Senden"}'>
        <span slot="welcome">Guten Tag!</span>
      </causerie-chat>`;
    const tab = await open({ body });
    await tab.page.getByRole('region', { name: 'Hilfe' }).getByRole('button', { name: 'Senden' }).waitFor();
    await tab.page.getByText('Guten Tag!').waitFor();
    expect(await tab.page.getByRole('button', { name: 'Open chat' }).count()).toBe(0);
    await tab.isAccessible('in the page');
  });
});
