// How smoothly a long answer grows. It needs a machine that does nothing else: `npm run frames`.
import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { startBrowser, Tab } from '../browser/support/browser.js';
import { PageServer } from '../browser/support/page-server.js';
import { ChatServer } from '../browser/support/server.js';

/** Of Chromium's trace, as much as is needed. Times are in microseconds. */
interface Event {
  name: string;
  ph: string;
  dur?: number;
}

const LONGEST_MS = 50;

const PARAGRAPH = `## A heading\n\n${'Some words that are said, and **more** of them. '.repeat(12)}\n\n- one\n- two \`code\`\n\n`;

test('a long answer at 200 tokens a second holds up no frame for more than 50 ms', { timeout: 180_000 }, async () => {
  const pages = await PageServer.start();
  const server = await ChatServer.start(pages.origin, { AI_ECHO_TOKENS_PER_SECOND: '200' });
  pages.chat = server.url;
  const browser = await startBrowser();
  try {
    const tab = await Tab.of(browser);
    const body = `<causerie-chat open url="${server.url}" tenant-hash="acme-hash"></causerie-chat><script src="/causerie-chat.js" defer></script>`;
    await tab.page.goto(`${pages.origin}/?body=${encodeURIComponent(body)}`);
    await tab.ask('warm up');
    await tab.page.locator('[data-testid=assistant-message][data-state=sent]').waitFor();
    await tab.ask(PARAGRAPH.repeat(20));
    // That so much is put into the field at once is not the answer's doing.
    await tab.page.locator('[data-testid=assistant-message][data-state=streaming]').waitFor();
    await browser.startTracing(tab.page, { categories: ['disabled-by-default-devtools.timeline'] });
    await tab.page.locator('[data-testid=assistant-message][data-state=sent]').nth(1).waitFor({ timeout: 120_000 });
    const trace = await browser.stopTracing();
    const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: Event[] };
    const tasks = traceEvents.filter(({ name, ph }) => ph === 'X' && name.endsWith('RunTask')).map(({ dur = 0 }) => dur / 1_000);
    tasks.sort((one, other) => other - one);
    console.log(`${tasks.length} tasks, the longest ${tasks.slice(0, 5).map((ms) => ms.toFixed(1)).join(', ')} ms`);
    if (process.env['WIDGET_TRACE']) writeFileSync(process.env['WIDGET_TRACE'], trace);
    expect(tasks.length).toBeGreaterThan(500);
    expect(tasks[0]).toBeLessThan(LONGEST_MS);
  } finally {
    await browser.close();
    await server.end();
    await pages.end();
  }
});
