// What stands in a line of Markdown, as HTML. All that is not Markdown is text, HTML too.
import { emphasise, piece, type Run, runOf } from './emphasis.js';
import { escape, escapeText } from './escape.js';

/** Something at the beginning of a text, and how long it is there. */
interface Found {
  run: Run;
  length: number;
}

const ESCAPED = /^\\([!-/:-@[-`{-~])/;
const BREAK = /^(?:<br *\/?>|(?: *|\\)\n)/i;
const POINTED = /^<((?:https?:\/\/|mailto:)[^\s<>]*)>/i;
const BARE = /^https?:\/\/[^\s<>"`*|\\\]]+/i;
const TARGET = /^\(\s*(?:<([^<>\n]*)>|((?:[^\s()\\]|\\.|\([^\s()\\]*\))*))(?:\s+(?:"[^"\n]*"|'[^'\n]*'))?\s*\)/;
const MARKS = /^(?:\*+|_+|~~?(?!~))/;
const PLAIN = /^(?:[^\\`<[!*_~h\n ]+| +(?!\n)|[^])/;

/** Longer than this, an address or its like is text. */
const LONGEST = 4_096;

/** The HTML of a text without blocks. In a link there is no other one. */
export function inline(text: string, isLink = false): string {
  const runs: Run[] = [];
  for (let at = 0; at < text.length; ) {
    const { run, length } = next(text, at, isLink);
    runs.push(run);
    at += length;
  }
  return emphasise(runs);
}

function next(text: string, at: number, isLink: boolean): Found {
  const rest = text.slice(at, at + LONGEST);
  const before = text[at - 1] ?? ' ';
  const escaped = ESCAPED.exec(rest);
  if (escaped) return { run: piece(escape(escaped[1] ?? '')), length: 2 };
  const lineBreak = BREAK.exec(rest);
  if (lineBreak) return { run: piece('<br>'), length: lineBreak[0].length };
  const address = isLink ? null : POINTED.exec(rest);
  if (address) return { run: piece(linkTo(address[1] ?? '')), length: address[0].length };
  if (rest.startsWith('`')) return codeAt(text, at);
  const bare = isLink || /\w/.test(before) ? null : BARE.exec(rest);
  if (bare) {
    const url = withoutEnd(bare[0]);
    return { run: piece(linkTo(url)), length: url.length };
  }
  const linked = linkAt(rest, isLink);
  if (linked) return linked;
  const marks = MARKS.exec(rest)?.[0];
  if (marks) return { run: runOf(marks, before, text[at + marks.length] ?? ' '), length: marks.length };
  const plain = PLAIN.exec(entityOf(rest) ?? rest)?.[0] ?? '';
  return { run: piece(escapeText(plain)), length: plain.length };
}

/** Entities are one piece. */
const entityOf = (rest: string): string | undefined => /^&[#\w]+;/.exec(rest)?.[0];

/** Code goes to as many backticks as it began with; where there are none, these are text. */
function codeAt(text: string, at: number): Found {
  const fence = /^`+/.exec(text.slice(at))?.[0] ?? '';
  let end = at + fence.length;
  for (;;) {
    end = text.indexOf(fence, end);
    if (end < 0) return { run: piece(fence), length: fence.length };
    const found = /^`+/.exec(text.slice(end))?.[0].length ?? 0;
    if (found === fence.length) break;
    end += found;
  }
  const code = text.slice(at + fence.length, end).replaceAll('\n', ' ');
  const trimmed = /^ .*[^ ].* $/.test(code) ? code.slice(1, -1) : code;
  return { run: piece(`<code>${escape(trimmed)}</code>`), length: end + fence.length - at };
}

/** `[label](target)`; an image, `![label](target)`, too. */
function linkAt(rest: string, isLink: boolean): Found | null {
  const isImage = rest.startsWith('![');
  const from = isImage ? 2 : 1;
  if (!isImage && (isLink || rest[0] !== '[')) return null;
  const end = closingBracket(rest, from);
  const target = end < 0 ? null : TARGET.exec(rest.slice(end + 1));
  if (!target) return null;
  const url = (target[1] ?? target[2] ?? '').replace(/\\([!-/:-@[-`{-~])/g, '$1');
  const label = rest.slice(from, end);
  const html = isImage ? imageOf(url, label) : linkTo(url, inline(label, true));
  return { run: piece(html), length: end + 1 + target[0].length };
}

function closingBracket(text: string, from: number): number {
  let open = 1;
  for (let at = from; at < text.length; at++) {
    const char = text[at];
    if (char === '\\') at += 1;
    else if (char === '[') open += 1;
    else if (char === ']' && (open -= 1) === 0) return at;
  }
  return -1;
}

const linkTo = (url: string, html = escape(url)): string => `<a href="${escape(url)}">${html}</a>`;

/** Whether it is shown is decided where HTML is sanitised. */
const imageOf = (url: string, label: string): string => `<img src="${escape(url)}" alt="${escape(label)}">`;

/** What ends a sentence, or closes a bracket around the address, is no part of it. */
function withoutEnd(url: string): string {
  let end = url;
  for (;;) {
    const last = end.at(-1) ?? '';
    const isExtra = /[.,:;!?'_~*]/.test(last) || (last === ')' && end.split('(').length < end.split(')').length);
    if (!isExtra) return end;
    end = end.slice(0, -1);
  }
}
