// The client's example of a page without a bundler, in a browser, with the client as it is built.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { startBrowser, Tab } from './support/browser.js';
import { PageServer } from './support/page-server.js';
import { ChatServer } from './support/server.js';

const core = new URL('../../../core/', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, core), 'utf8');

test('it holds a conversation', async () => {
  const pages = await PageServer.start();
  const server = await ChatServer.start(pages.origin);
  pages.chat = server.url;
  for (const path of readdirSync(new URL('dist/', core), { recursive: true, encoding: 'utf8' })) {
    if (path.endsWith('.js')) pages.scripts.set(`/client/${path}`, read(`dist/${path}`));
  }
  pages.scripts.set('/page.js', read('examples/page.js').replace('https://chat.example.com', server.url).replace('demo', 'acme-hash'));
  const [, body = ''] = /<body>(.*)<\/body>/s.exec(read('examples/index.html')) ?? [];
  const browser = await startBrowser();
  try {
    const tab = await Tab.of(browser);
    await tab.page.goto(`${pages.origin}/?body=${encodeURIComponent(body)}`);
    await tab.page.getByRole('status').getByText('Connected.').waitFor();
    await tab.page.getByLabel('Your message').fill('<b>hello</b>');
    await tab.page.getByRole('button', { name: 'Send' }).click();
    const answer = tab.page.locator('#messages li[data-state=sent]', { hasText: 'You said: <b>hello</b>' });
    await answer.waitFor();
    expect(await tab.page.locator('#messages li').allTextContents()).toEqual(['<b>hello</b>', 'You said: <b>hello</b>']);
    expect(tab.faults).toEqual([]);
  } finally {
    await browser.close();
    await server.end();
    await pages.end();
  }
});
