// Several pages, browsers and gateways.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Person } from '../../../core/test/integration/support/person.js';
import type { Tab } from './support/browser.js';
import { Installation, type Side } from './support/installation.js';

const FORTY_WORDS = Array.from({ length: 40 }, (_, at) => `word${at}`).join(' ');

/** Takes 6 s. */
const LONG = Array.from({ length: 3 }, () => FORTY_WORDS).join(' ');

let installation: Installation;
let here: Side;
let there: Side;

beforeAll(async () => {
  installation = await Installation.start();
  [here, there] = installation.sides;
});

afterAll(() => installation?.end());

/** The assistant's message in this state, with this in it. */
const answer = (tab: Tab, state: string, hasText = '') =>
  tab.page.locator(`[data-testid=assistant-message][data-state=${state}]`, { hasText });

/** What the assistant has said. */
const textOf = (tab: Tab) => tab.page.locator('[data-testid=assistant-message] .markdown').allInnerTexts();

afterEach(async () => {
  expect(await installation.closePages()).toEqual([]);
});

test('a gateway killed in mid-reply: the answer goes on where it was, over the other one', async () => {
  const first = await installation.cluster.gateway();
  here.way.upstream = first.url;
  const tab = await installation.open(here);
  await tab.ask(FORTY_WORDS);
  await answer(tab, 'streaming', 'word3').waitFor();
  here.way.upstream = here.node.url;
  await first.program.end();
  await answer(tab, 'sent', 'word39').waitFor();
  expect(await textOf(tab)).toEqual([`You said: ${FORTY_WORDS}`]);
  expect(await tab.byTestId('user-message').count()).toBe(1);
});

test('a broker killed in mid-reply: another one begins the answer again, and it comes whole, once', async () => {
  const { cluster } = installation;
  // One is left, so that it is the one that answers; then there are two.
  await cluster.loseBroker();
  const tab = await installation.open(here);
  await tab.ask(LONG);
  await answer(tab, 'streaming', 'word3').waitFor();
  await cluster.anotherBroker();
  await cluster.loseBroker();
  expect(await answer(tab, 'sent').count()).toBe(0);
  await answer(tab, 'sent', 'word39').waitFor({ timeout: 45_000 });
  expect(await textOf(tab)).toEqual([`You said: ${LONG}`]);
  expect(await tab.byTestId('user-message').count()).toBe(1);
  await cluster.anotherBroker();
});

test('questions are answered piece by piece, whatever gateway the page is loaded anew from, and stopped', async () => {
  const tab = await installation.open(here);
  await tab.ask(FORTY_WORDS);
  await answer(tab, 'streaming', 'word3').waitFor();
  try {
    here.way.upstream = there.node.url;
    await tab.page.reload();
    await answer(tab, 'streaming', 'word3').waitFor();
    await answer(tab, 'sent', 'word39').waitFor();
    expect(await textOf(tab)).toEqual([`You said: ${FORTY_WORDS}`]);
    await tab.ask(LONG);
    await answer(tab, 'streaming', 'word3').waitFor();
    await tab.byTestId('stop-button').click();
    await answer(tab, 'cancelled').waitFor();
    expect(await tab.byTestId('assistant-message').count()).toBe(2);
    expect(await tab.byTestId('user-message').count()).toBe(2);
  } finally {
    here.way.upstream = here.node.url;
  }
});

test('tabs, and browsers on other gateways, are in step', async () => {
  const one = await installation.open(here, { user: 'ann' });
  const tab = await installation.open(here, { user: 'ann', beside: one });
  const other = await installation.open(there, { user: 'ann' });
  const all = [one, tab, other];
  for (const each of all) await each.page.locator('[data-chat-mode=websocket]').waitFor();
  await one.ask(`${FORTY_WORDS} ${FORTY_WORDS}`);
  for (const each of all) await answer(each, 'streaming', 'word3').waitFor();
  await other.byTestId('stop-button').click();
  for (const each of all) await answer(each, 'cancelled').waitFor();
  const texts = (await Promise.all(all.map(textOf))).flat();
  expect([texts.length, new Set(texts).size]).toEqual([3, 1]);
  for (const each of all) expect(await each.byTestId('user-message').count()).toBe(1);
});

test('a thousand messages are read back, and scrolled through', async () => {
  const writer = new Person({ url: there.way.url, user: 'writer', outboxLimit: 1_000 });
  const texts = Array.from({ length: 1_000 }, (_, at) => `number ${at}.`);
  await Promise.all(texts.map((text) => writer.client.send(text, { sessionId: 'chat', ai: false }).acked));
  writer.client.close();
  const tab = await installation.open(here, { user: 'writer' });
  await tab.page.getByText('number 999.', { exact: true }).waitFor();
  const earlier = tab.page.getByRole('button', { name: 'Earlier messages' });
  while (await earlier.isVisible()) {
    const count = await tab.byTestId('user-message').count();
    await earlier.click();
    await expect.poll(() => tab.byTestId('user-message').count()).toBeGreaterThan(count);
  }
  expect(await tab.page.locator('[data-testid=user-message] .plain').allTextContents()).toEqual(texts);
  const scroller = tab.page.getByRole('log');
  await scroller.evaluate((element) => (element.scrollTop = 0));
  await expect.poll(() => tab.page.getByText('number 0.', { exact: true }).evaluate((one) => one.getBoundingClientRect().top)).toBeGreaterThan(0);
  await tab.page.getByRole('button', { name: 'Go to the newest message' }).click();
  const end = tab.page.getByText('number 999.', { exact: true });
  await expect.poll(() => end.evaluate((one) => one.getBoundingClientRect().bottom <= innerHeight)).toBe(true);
});
