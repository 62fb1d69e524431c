import { describe, expect, test } from 'vitest';
import { parse } from '../../src/markdown/blocks.js';
import { htmlOf } from '../../src/markdown/html.js';

const render = (text: string) => parse(text.split('\n')).map(({ block }) => htmlOf(block)).join('');

/** Markdown, and the HTML that it is; where there is a number, of that example of CommonMark 0.31.2. */
const CASES: readonly (readonly [string, string])[] = [
  // Paragraphs. A line's end is one, as in a chat.
  ['a\nb\n\nc', '<p>a<br>b</p><p>c</p>'],
  ['a <b>b</b> & c < d', '<p>a &lt;b&gt;b&lt;/b&gt; &amp; c &lt; d</p>'],
  ['a&nbsp;b &copy; &#8364; AT&T &x', '<p>a&nbsp;b &copy; &#8364; AT&amp;T &amp;x</p>'],
  ['\\*no\\* \\# \\[a\\](b)', '<p>*no* # [a](b)</p>'],
  ['one<br>two<br/>three', '<p>one<br>two<br>three</p>'],
  // Headings.
  ['# a\n## b ##\n###### f', '<h1>a</h1><h2>b</h2><h6>f</h6>'],
  ['#a', '<p>#a</p>'],
  ['#\n# #\n#\ta # b#\t##\t', '<h1></h1><h1></h1><h1>a # b#</h1>'],
  ['####### a', '<p>####### a</p>'],
  ['a\n===\nb\n---', '<h1>a</h1><h2>b</h2>'],
  ['a\n\n---\n***\n_ _ _', '<p>a</p><hr><hr><hr>'],
  // Emphasis (350 and on).
  ['*a* _b_ **c** __d__ ***e***', '<p><em>a</em> <em>b</em> <strong>c</strong> <strong>d</strong> <em><strong>e</strong></em></p>'],
  ['snake_case_word 2*3*4 a * b * c', '<p>snake_case_word 2<em>3</em>4 a * b * c</p>'],
  ['**bold `**` and _both_**: text', '<p><strong>bold <code>**</code> and <em>both</em></strong>: text</p>'],
  ['*foo**bar**baz*', '<p><em>foo<strong>bar</strong>baz</em></p>'],
  ['**foo*', '<p>*<em>foo</em></p>'],
  ['*foo**', '<p><em>foo</em>*</p>'],
  ['~~gone~~ a ~ b', '<p><del>gone</del> a ~ b</p>'],
  ['a**"b"**c', '<p>a**&quot;b&quot;**c</p>'],
  // Code.
  ['`a<b>` ``c`d`` `` ` `` `e', '<p><code>a&lt;b&gt;</code> <code>c`d</code> <code>`</code> `e</p>'],
  ['```js\nlet a = `1`;\n\n  b\n```\nafter', '<pre tabindex="0"><code>let a = `1`;\n\n  b</code></pre><p>after</p>'],
  ['~~~\n```\n~~~', '<pre tabindex="0"><code>```</code></pre>'],
  ['```\nnot closed', '<pre tabindex="0"><code>not closed</code></pre>'],
  ['    a\n\n    b\nc', '<pre tabindex="0"><code>a\n\nb</code></pre><p>c</p>'],
  // Links.
  ['[a *b*](https://x.y/z_(1)?q=1&r "title").', '<p><a href="https://x.y/z_(1)?q=1&amp;r">a <em>b</em></a>.</p>'],
  ['see https://x.y/a_b_c. (https://x.y/d)', '<p>see <a href="https://x.y/a_b_c">https://x.y/a_b_c</a>. (<a href="https://x.y/d">https://x.y/d</a>)</p>'],
  ['<https://x.y> <mailto:a@b.c>', '<p><a href="https://x.y">https://x.y</a> <a href="mailto:a@b.c">mailto:a@b.c</a></p>'],
  ['**https://x.y**', '<p><strong><a href="https://x.y">https://x.y</a></strong></p>'],
  ['![alt](https://x.y/i.png)', '<p><img src="https://x.y/i.png" alt="alt"></p>'],
  // In a link there is none.
  ['[https://x.y *a*](https://z.w)', '<p><a href="https://z.w">https://x.y <em>a</em></a></p>'],
  ['[<https://x.y> [b](c)](https://z.w)', '<p><a href="https://z.w">&lt;https://x.y&gt; [b](c)</a></p>'],
  ['[![alt](https://x.y/i.png)](https://z.w)', '<p><a href="https://z.w"><img src="https://x.y/i.png" alt="alt"></a></p>'],
  ['[a] [b](c d) [e', '<p>[a] [b](c d) [e</p>'],
  ['[a](<b c>)', '<p><a href="b c">a</a></p>'],
  ['["><script>](x"onclick=1)', '<p><a href="x&quot;onclick=1">&quot;&gt;&lt;script&gt;</a></p>'],
  // Lists.
  ['- a\n- b\n  - c\n    - d\n- e', '<ul><li>a</li><li>b<ul><li>c<ul><li>d</li></ul></li></ul></li><li>e</li></ul>'],
  ['1. a\n   - b\n2. c', '<ol><li>a<ul><li>b</li></ul></li><li>c</li></ol>'],
  ['1. a\n  - b\n2. c', '<ol><li>a<ul><li>b</li></ul></li><li>c</li></ol>'],
  ['1. one\n\n   para\n\n   ```sh\n   ls\n   ```\n2. two', '<ol><li><p>one</p><p>para</p><pre tabindex="0"><code>ls</code></pre></li><li><p>two</p></li></ol>'],
  ['3) a\n4) b', '<ol start="3"><li>a</li><li>b</li></ol>'],
  ['- a\n\n- b', '<ul><li><p>a</p></li><li><p>b</p></li></ul>'],
  ['- a\n- b\n\nc', '<ul><li>a</li><li>b</li></ul><p>c</p>'],
  ['- a\n* b', '<ul><li>a</li></ul><ul><li>b</li></ul>'],
  ['- a\nb\n- c', '<ul><li>a<br>b</li><li>c</li></ul>'],
  ['text\n- a', '<p>text</p><ul><li>a</li></ul>'],
  ['- [ ] a\n- [x] b', '<ul><li>☐ a</li><li>☑ b</li></ul>'],
  ['- **a**: b\n\n  c', '<ul><li><p><strong>a</strong>: b</p><p>c</p></li></ul>'],
  ['-\n- a', '<ul><li></li><li>a</li></ul>'],
  ['1986\\. A year. -5 + 3', '<p>1986. A year. -5 + 3</p>'],
  // Quotes.
  ['> a\n> - b\nc\n\nd', '<blockquote><p>a</p><ul><li>b<br>c</li></ul></blockquote><p>d</p>'],
  ['> a\n>\n> > b', '<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote>'],
  // Tables.
  [
    '| a | b |\n|:--|:-:|\n| 1 | `x\\|y` |\n| 2 |\n\nafter',
    '<table tabindex="0"><thead><tr><th align="left">a</th><th align="center">b</th></tr></thead><tbody>' +
      '<tr><td align="left">1</td><td align="center"><code>x|y</code></td></tr>' +
      '<tr><td align="left">2</td><td align="center"></td></tr></tbody></table><p>after</p>',
  ],
  ['a | b\n--|--', '<table tabindex="0"><thead><tr><th>a</th><th>b</th></tr></thead></table>'],
  ['a | b\nc | d', '<p>a | b<br>c | d</p>'],
];

describe('Markdown as HTML', () => {
  test.each(CASES)('%j', (markdown, html) => {
    expect(render(markdown)).toBe(html);
  });

  test.each([
    '['.repeat(20_000),
    '*a_'.repeat(8_000),
    'a* '.repeat(40_000),
    '`'.repeat(20_000),
    '> '.repeat(5_000),
    '- '.repeat(5_000),
    '![a]('.repeat(5_000),
    '|'.repeat(20_000),
    `a|b\n-${' '.repeat(100_000)}x`,
    `# ${' '.repeat(5_000)}\u2028x`,
    `# a${' '.repeat(100_000)}b`,
    `#${' #'.repeat(10_000)}x`,
    `- a${'\n'.repeat(50_000)}`,
  ])('marks without an end take no more time than their number is: %#', (bad) => {
    const started = performance.now();
    render(bad);
    expect(performance.now() - started).toBeLessThan(2_500);
  });
});
