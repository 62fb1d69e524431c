// Hostile HTML, past Markdown, on a page without a policy: each of these lets none through, but what
// sanitises shall not rest on that.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundle } from '../../scripts/build.mjs';
import { startBrowser, Tab } from './support/browser.js';
import { PageServer } from './support/page-server.js';

const HOSTILE = [
  '<script>fail()</script>',
  '<img src=x onerror=fail()>',
  '<svg onload=fail()></svg>',
  '<svg><script>fail()</script></svg>',
  '<svg><a xlink:href="javascript:fail()"><text>x</text></a></svg>',
  '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=fail()&gt;">',
  '<form><math><mtext></form><form><mglyph><style></math><img src onerror=fail()>',
  '<iframe srcdoc="<script>fail()</script>"></iframe>',
  '<object data="data:text/html,<script>fail()</script>"></object><embed src="javascript:fail()">',
  '<a href="javascript:fail()" onclick="fail()" autofocus onfocus="fail()">x</a>',
  '<a href="java\nscript:fail()">x</a><a href=" &#14; javascript:fail()">x</a><a href="data:text/html,x">x</a>',
  '<p style="background:url(javascript:fail())" class="composer" id="input">x</p><style>*{display:none}</style>',
  '<details open ontoggle=fail()><summary>x</summary></details><video><source onerror=fail()></video>',
  '<noscript><p title="</noscript><img src=x onerror=fail()>"></noscript>',
  '<template><img src=x onerror=fail()></template><slot name="header">x</slot>',
  '<base href="https://evil.example/"><meta http-equiv="refresh" content="0;url=https://evil.example/"><link rel=stylesheet href=//evil.example>',
  '<input name=attributes><form name=body><input name=parentNode></form>',
  '<p is="x-evil"><x-evil onclick=fail()>x</x-evil></p>',
];

const SCRIPT = `
  import { sanitise } from './src/markdown/sanitise.ts';
  window.inspect = (html, images) => {
    window.failed = false;
    window.fail = () => (window.failed = true);
    const place = document.body.appendChild(document.createElement('div'));
    place.append(sanitise(html, images));
    for (const one of place.querySelectorAll('*')) { one.click(); one.focus(); }
    const all = [...place.querySelectorAll('*')];
    const found = { html: place.innerHTML, names: all.map((one) => one.localName), attributes: all.flatMap((one) => [...one.attributes].map(({ name }) => name)) };
    place.remove();
    return found;
  };`;

interface Inspected {
  html: string;
  names: string[];
  attributes: string[];
}

let pages: PageServer;
let browser: Browser;
let tab: Tab;

const inspect = (html: string, images = false) =>
  tab.page.evaluate(
    ([html, images]) => (globalThis as unknown as { inspect(html: string, images: boolean): Inspected }).inspect(html, images),
    [html, images] as const,
  );

beforeAll(async () => {
  pages = await PageServer.start();
  pages.chat = pages.origin;
  const resolveDir = new URL('../..', import.meta.url).pathname;
  pages.scripts.set('/sanitise.js', await bundle({ stdin: { contents: SCRIPT, resolveDir } }));
  browser = await startBrowser();
  tab = await Tab.of(browser);
  await tab.page.goto(`${pages.origin}/?lax&body=${encodeURIComponent('<script src="/sanitise.js"></script>')}`);
});

afterAll(async () => {
  await browser?.close();
  await pages?.end();
});

test.each(HOSTILE)('nothing is left of %j that can act', async (html) => {
  for (const images of [false, true]) {
    const { names, attributes } = await inspect(html, images);
    for (const name of names) expect(['a', 'p', 'table', 'tbody', 'tr', 'td', 'img', 'div']).toContain(name);
    if (!images) expect(names).not.toContain('img');
    for (const name of attributes) expect(['href', 'target', 'rel', 'src', 'alt', 'loading', 'referrerpolicy']).toContain(name);
    expect(await tab.page.evaluate(() => (globalThis as unknown as { failed: boolean }).failed)).toBe(false);
  }
  expect(tab.faults).toEqual([]);
});

test('links lead to the web alone, and away from the page', async () => {
  const { html } = await inspect('<a href="https://a.example/?b=1">x</a><a href="javascript:x">x</a><a href="/logout">x</a><a href="mailto:a@b.c">x</a>');
  const away = 'target="_blank" rel="noopener noreferrer nofollow"';
  expect(html).toBe(`<a href="https://a.example/?b=1" ${away}>x</a><a>x</a><a>x</a><a href="mailto:a@b.c" ${away}>x</a>`);
});

test('images are links, unless they are wanted', async () => {
  const image = '<img src="https://a.example/i.png" alt="a picture">';
  expect((await inspect(image)).html).toBe('<a href="https://a.example/i.png" target="_blank" rel="noopener noreferrer nofollow">a picture</a>');
  const linked = await inspect(`<a href="https://b.example/">${image}, more</a>`);
  expect(linked.html).toBe('<a href="https://b.example/" target="_blank" rel="noopener noreferrer nofollow">a picture, more</a>');
  const { html } = await inspect(image, true);
  expect(html).toBe('<img src="https://a.example/i.png" alt="a picture" loading="lazy" referrerpolicy="no-referrer">');
});
