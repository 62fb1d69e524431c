// The example for Vite in a real browser: as Vite builds it, under a strict policy, against a whole installation.
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Tab } from '../../../widget/test/browser/support/browser.js';
import { Installation, type Side } from '../../../widget/test/browser/support/installation.js';

const FORTY_WORDS = Array.from({ length: 40 }, (_, at) => `word${at}`).join(' ');

let installation: Installation;
let here: Side;

beforeAll(async () => {
  installation = await Installation.start();
  [here] = installation.sides;
  const root = fileURLToPath(new URL('../../examples/vite', import.meta.url));
  const built = await build({ root, configFile: false, logLevel: 'error', build: { write: false } });
  const chunks = [built].flat().flatMap((one) => ('output' in one ? one.output : []));
  const [{ code } = { code: '' }] = chunks.flatMap((chunk) => (chunk.type === 'chunk' ? [chunk] : []));
  const own = (more = '') => code.replace('https://chat.example.com', here.way.url).replace(/(tenantHash:)([`'"])demo\2/, `$1"acme-hash"${more}`);
  here.pages.scripts.set('/example.js', own());
  here.pages.scripts.set('/gives-up.js', own(',giveUp:true,offlineAfter:1,minDelayMs:10,maxDelayMs:20'));
});

afterEach(async () => {
  expect(await installation.closePages()).toEqual([]);
});

afterAll(() => installation?.end());

const open = (script = 'example') => installation.show(here.pages, `<div id="root"></div><script type="module" src="/${script}.js"></script>`);

const lines = (tab: Tab, role: string, state: string, hasText = '') =>
  tab.page.locator(`li[data-role=${role}][data-state=${state}]`, { hasText });

async function ask(tab: Tab, text: string): Promise<void> {
  await tab.page.getByLabel('Your message').fill(text);
  await tab.page.getByRole('button', { name: 'Send' }).click();
}

test('a gateway killed in mid-reply: the answer goes on where it was, over another one', async () => {
  const first = await installation.cluster.gateway();
  here.way.upstream = first.url;
  const tab = await open();
  await ask(tab, FORTY_WORDS);
  await lines(tab, 'assistant', 'streaming', 'word3').waitFor();
  // A screen reader is told to wait.
  const isBusy = () => tab.page.locator('[aria-live]').getAttribute('aria-busy');
  expect(await isBusy()).toBe('true');
  here.way.upstream = here.node.url;
  await first.program.end();
  await lines(tab, 'assistant', 'sent', 'word39').waitFor();
  expect(await isBusy()).toBe('false');
  expect(await tab.page.locator('li bdi').allTextContents()).toEqual([FORTY_WORDS, `You said: ${FORTY_WORDS}`]);
  await tab.isAccessible('a page with React');
});

test('what is written without a connection is told to wait, outlives its page, and is sent once and in order', async () => {
  const tab = await open();
  await ask(tab, 'before');
  await lines(tab, 'assistant', 'sent', 'before').waitFor();
  const { port } = here.way;
  await here.way.shut();
  try {
    await tab.page.locator('p[role=status]').waitFor();
    for (const text of ['one', 'two']) await ask(tab, text);
    expect(await lines(tab, 'user', 'queued').allTextContents()).toEqual(['one (sending…)', 'two (sending…)']);
    await tab.page.reload();
    await lines(tab, 'user', 'queued', 'two').waitFor();
  } finally {
    await here.way.open(port);
  }
  await lines(tab, 'assistant', 'sent', 'You said: two').waitFor();
  expect(await tab.page.locator('li[data-role=user] bdi').allTextContents()).toEqual(['before', 'one', 'two']);
  expect(await tab.page.locator('p[role=status]').count()).toBe(0);
});

test('a page that gives up says so, and goes on when something is written', async () => {
  const tab = await open('gives-up');
  await ask(tab, 'before');
  await lines(tab, 'assistant', 'sent', 'before').waitFor();
  const { port } = here.way;
  await here.way.shut();
  try {
    await tab.page.getByText('The server cannot be reached. Write something to go on.').waitFor();
    await tab.isAccessible('gave up');
  } finally {
    await here.way.open(port);
  }
  await ask(tab, 'after');
  await lines(tab, 'assistant', 'sent', 'You said: after').waitFor();
  expect(await tab.page.locator('p[role=status]').count()).toBe(0);
});
