// The demo page in Chromium, as `causerie` serves it without any configuration.
import type { Browser, Locator } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { built, Program } from '../../core/test/integration/support/program.js';
import { startBrowser, Tab } from '../../widget/test/browser/support/browser.js';

let program: Program;
let browser: Browser;
let url: string;
let tab: Tab;

beforeAll(async () => {
  program = new Program(built('causerie'), [], { WEBSOCKET_PORT: '0', ADMIN_PORT: '0' });
  url = await program.says(/(?<!admin )listening on (http:\/\/[^\s"]+)/);
  browser = await startBrowser();
});

afterEach(async () => {
  const { faults } = tab;
  await tab.close();
  expect(faults).toEqual([]);
});

afterAll(async () => {
  await browser?.close();
  await program?.end();
});

async function open(): Promise<Tab> {
  tab = await Tab.of(browser);
  await tab.page.goto(url);
  return tab;
}

/** A chat of the page, and what is shown of it. */
const windowAt = (at: number): Locator => tab.page.locator('#windows > div').nth(at);

async function ask(chat: Locator, text: string): Promise<void> {
  await chat.getByTestId('message-input').fill(text);
  await chat.getByTestId('send-button').click();
}

const answered = (chat: Locator, text: string) =>
  chat.locator('[data-testid=assistant-message][data-state=sent]', { hasText: text }).waitFor();

test('what is asked is answered, in two windows of one person alike, and not in that of another', async () => {
  await open();
  const first = windowAt(0);
  await ask(first, 'hello');
  await answered(first, 'You said: hello');
  await first.getByTestId('state').getByText('ready, websocket').waitFor();
  await first.getByTestId('quality').getByText(/^(Excellent|Good), \d+ ms$/).waitFor();
  await tab.isAccessible('demo');
  await tab.page.getByLabel('Second window').selectOption('same');
  await answered(windowAt(1), 'You said: hello');
  await ask(windowAt(1), 'from there');
  await answered(first, 'You said: from there');
  await tab.page.getByLabel('Second window').selectOption('other');
  await ask(windowAt(1), 'somebody else');
  await answered(windowAt(1), 'You said: somebody else');
  expect(await first.getByText('somebody else').count()).toBe(0);
  expect(await windowAt(1).getByText('hello').count()).toBe(0);
  await tab.isAccessible('demo with two windows');
});

test('a connection that is cut comes back, and one that is slow is told to be', async () => {
  await open();
  const first = windowAt(0);
  await ask(first, 'before');
  await answered(first, 'You said: before');
  await tab.page.getByRole('button', { name: 'Cut the connection' }).click();
  await ask(first, 'after');
  await answered(first, 'You said: after');
  await tab.page.getByLabel('Network').selectOption('300');
  await first.getByTestId('quality').getByText(/^(Fair|Poor), \d{3,} ms$/).waitFor({ timeout: 40_000 });
  // Requests as well, each way.
  const taken = await tab.page.evaluate(async () => {
    const started = performance.now();
    await fetch('/');
    return performance.now() - started;
  });
  expect(taken).toBeGreaterThanOrEqual(590);
});

test('what is written offline waits, and is sent when there is a network again', async () => {
  await open();
  const first = windowAt(0);
  await ask(first, 'before');
  await answered(first, 'You said: before');
  await tab.page.getByLabel('Offline').check();
  await first.getByTestId('quality').getByText('Offline').waitFor();
  await ask(first, 'one');
  await ask(first, 'two');
  await first.getByTestId('queue').getByText('2').waitFor();
  await tab.page.getByLabel('Offline').uncheck();
  await answered(first, 'You said: two');
  await first.getByTestId('queue').getByText('0').waitFor();
  expect(await first.locator('[data-testid=user-message] .plain').allTextContents()).toEqual(['before', 'one', 'two']);
});
