import { describe, expect, test } from 'vitest';
import { parse } from '../../src/markdown/blocks.js';
import { GrowingMarkdown } from '../../src/markdown/growing.js';
import { htmlOf } from '../../src/markdown/html.js';
import { closeEnd } from '../../src/markdown/open-end.js';

const render = (text: string) => parse(text.split('\n')).map(({ block }) => htmlOf(block));

const TEXT = `# A heading

Some **bold and *both*** text with \`code\` and a [link](https://example.com/a_b).
A second line
===

1. one

   more of it

   \`\`\`js
   const a = "**";
   \`\`\`
2. two
   - three
   - [x] four

> quoted
> - list

| a | b |
|---|--:|
| 1 | 2 |

    indented

---

The end: https://example.com.`;

describe('a text that grows', () => {
  test('is at its end what it is as a whole, in whatever pieces it came', () => {
    for (const size of [1, 2, 3, 7, 40]) {
      const markdown = new GrowingMarkdown();
      let shown: string[] = [];
      for (let end = size; ; end += size) {
        const isOpen = end < TEXT.length;
        const { from, html } = markdown.set(TEXT.slice(0, end), isOpen);
        shown = [...shown.slice(0, from), ...html];
        if (!isOpen) break;
      }
      expect(shown).toEqual(render(TEXT));
    }
  });

  test.each([
    ['lines that end as on Windows', 'one\r\ntwo\r\nthree\r\nfour\r\nfive\r\n\r\n- six\r\n- seven'],
    ['what looks like a heading', 'one\n#two'],
    ['what looks like a rule', 'one\n***two***'],
    ['what looks like a fence', 'one\n```two``` three'],
    ['what looks like a table', 'one\n|two|\n|-|three'],
    ['a number that a mark follows', '1. one\n\n2. two'],
    ['a quote that goes on', '> one\n***two***'],
  ])('is so with %s', (_what, text) => {
    const markdown = new GrowingMarkdown();
    let shown: string[] = [];
    for (let end = 1; end <= text.length; end++) {
      const { from, html } = markdown.set(text.slice(0, end), end < text.length);
      shown = [...shown.slice(0, from), ...html];
    }
    expect(shown).toEqual(render(text.replaceAll('\r\n', '\n')));
  });

  test('changes its last block only, and the one before while there are no two lines of it', () => {
    const markdown = new GrowingMarkdown();
    expect(markdown.set('one\n\ntwo', true)).toEqual({ from: 0, html: ['<p>one</p>', '<p>two</p>'] });
    expect(markdown.set('one\n\ntwo and\n\nthree', true)).toEqual({ from: 0, html: ['<p>one</p>', '<p>two and</p>', '<p>three</p>'] });
    expect(markdown.set('one\n\ntwo and\n\nthree\n\n', true)).toEqual({ from: 1, html: ['<p>two and</p>', '<p>three</p>'] });
    expect(markdown.set('one\n\ntwo and\n\nthree\n\n.', false)).toEqual({ from: 2, html: ['<p>three</p>', '<p>.</p>'] });
  });

  test('does not turn at the end of a line into what it was before', () => {
    for (const text of ['| a | b |', 'a **bold', '- a **bold']) {
      const markdown = new GrowingMarkdown();
      const { html } = markdown.set(text, true);
      expect(markdown.set(`${text}\n`, true).html).toEqual(html);
    }
    const ended = new GrowingMarkdown();
    expect(ended.set('2 ** 3\n\n', true).html).toEqual(['<p>2 ** 3</p>']);
  });

  test('begins anew where it is another one', () => {
    const markdown = new GrowingMarkdown();
    markdown.set('one\n\ntwo', true);
    expect(markdown.set('other', true)).toEqual({ from: 0, html: ['<p>other</p>'] });
    expect(markdown.set('', true)).toEqual({ from: 0, html: [] });
  });
});

describe('the end of a text that grows', () => {
  test.each([
    ['some **bold', 'some **bold**'],
    ['some **bold ', 'some **bold**'],
    ['some **bold*', 'some **bold**'],
    ['some **bold**', 'some **bold**'],
    ['some **', 'some '],
    ['a `code', 'a `code`'],
    ['a `', 'a '],
    ['**`code', '**`code`**'],
    ['a **`', 'a '],
    ['2', ''],
    ['--', ''],
    ['#', ''],
    ['a `**` b', 'a `**` b'],
    ['a [label', 'a label'],
    ['a [label](https://x', 'a label'],
    ['a [label](https://x)', 'a [label](https://x)'],
    ['a\n-', 'a'],
    ['a\n``', 'a'],
    ['```\n**a', '```\n**a'],
    ['2 * 3', '2 * 3'],
    ['| a', '| a|\n|-|'],
    ['| a | b', '| a | b|\n|-|-|'],
    ['| a | b |', '| a | b |\n|-|-|'],
    ['| a | b |\n|--', '| a | b |\n|-|-|'],
    ['| a \\| b |\n|:-', '| a \\| b |\n|-|'],
  ])('%j is shown as %j', (text, shown) => {
    expect(closeEnd(text)).toBe(shown);
  });

  // Of what is longer the end is left as it is.
  test.each(['`a``'.repeat(2_047), `${'['.repeat(8_188)}]x`, Array.from({ length: 127 }, (_, at) => '`'.repeat(at)).join(' ')])(
    'takes no more time than its length is: %#',
    (bad) => {
      expect(bad.length).toBeLessThanOrEqual(8_192);
      const started = performance.now();
      closeEnd(bad);
      expect(performance.now() - started).toBeLessThan(2_500);
    },
  );
});
