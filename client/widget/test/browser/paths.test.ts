// What lies between a page and its server, and does not let everything through. Nothing is stubbed in the page.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Tab } from './support/browser.js';
import { Installation, type Side } from './support/installation.js';

/** As long as three failures of each transport, and the waits in between, take at the most. */
const LONG_MS = 120_000;

let installation: Installation;
let side: Side;

beforeAll(async () => {
  installation = await Installation.start();
  [side] = installation.sides;
});

afterAll(() => installation?.end());

/** The assistant's message in this state, with this in it. */
const answer = (tab: Tab, state: string, hasText = '') =>
  tab.page.locator(`[data-testid=assistant-message][data-state=${state}]`, { hasText });

const goesBy = (tab: Tab, transport: string) =>
  tab.page.locator(`[data-chat-mode=${transport}]`).waitFor({ timeout: LONG_MS });

afterEach(async () => {
  // Why an upgrade was refused is asked by a plain request, whose 426 a browser logs.
  expect((await installation.closePages()).filter((fault) => !fault.includes('426'))).toEqual([]);
});

test('where the server advises against sockets it does without, and sends what was said meanwhile', async () => {
  const asked = side.way.asked.length;
  const tab = await installation.open(side, { more: 'mode="advised"' });
  await goesBy(tab, 'streaming');
  const advice = () => tab.page.evaluate(() => (document.querySelector('causerie-chat') as HTMLElement & { advice: unknown }).advice);
  expect(await advice()).toEqual({ mode: 'streaming', flags: ['beta'] });
  expect(await tab.byTestId('status').isVisible()).toBe(false);
  await tab.page.evaluate(() => {
    const old = document.querySelector('causerie-chat') as HTMLElement;
    const chat = old.cloneNode() as HTMLElement & { send(text: string): void };
    chat.addEventListener('chat-advice', (event) => (chat.title = (event as CustomEvent).detail.flags.join()));
    old.replaceWith(chat);
    chat.send('early');
  });
  await answer(tab, 'sent', 'early').waitFor();
  expect(await tab.page.locator('causerie-chat').getAttribute('title')).toBe('beta');
  expect(side.way.asked.slice(asked)).toContain('GET /api/client-config');
  expect(side.way.asked.slice(asked)).not.toContain('UPGRADE /ws');
});

test('where upgrades are refused it streams, and goes back to a socket when it can', async () => {
  side.way.refusesUpgrades = true;
  const tab = await installation.open(side);
  await goesBy(tab, 'streaming');
  await tab.byTestId('status').getByText('Connected, but slower than usual.').waitFor();
  await tab.isAccessible('by another transport');
  await tab.ask('by stream');
  await answer(tab, 'sent', 'by stream').waitFor();
  side.way.refusesUpgrades = false;
  await goesBy(tab, 'websocket');
  expect(await tab.byTestId('status').isVisible()).toBe(false);
  await tab.ask('by socket');
  await answer(tab, 'sent', 'by socket').waitFor();
  expect(await tab.byTestId('user-message').count()).toBe(2);
});

test('where streams are gathered as well it asks by plain requests, and comes back from there', { timeout: 2 * LONG_MS }, async () => {
  side.way.refusesUpgrades = side.way.gathersStreams = true;
  const tab = await installation.open(side);
  await goesBy(tab, 'http');
  await tab.ask('by requests');
  await answer(tab, 'sent', 'by requests').waitFor();
  side.way.refusesUpgrades = side.way.gathersStreams = false;
  await goesBy(tab, 'websocket');
  expect(await tab.byTestId('assistant-message').count()).toBe(1);
});
