// The blocks of Markdown that models write: those of GitHub's dialect, without HTML and without links
// that are defined elsewhere.

export type Align = 'left' | 'center' | 'right' | undefined;

export type Block =
  | { type: 'paragraph'; text: string }
  | { type: 'heading'; level: number; text: string }
  | { type: 'code'; text: string }
  | { type: 'rule' }
  | { type: 'quote'; blocks: Block[] }
  | { type: 'list'; start: number | undefined; isLoose: boolean; items: Item[] }
  | { type: 'table'; align: Align[]; head: string[]; rows: string[][] };

export interface Item {
  /** Of a list of tasks: whether it is done. */
  isDone: boolean | undefined;
  blocks: Block[];
}

/** A block, and the line that it begins in. */
export interface Placed {
  block: Block;
  line: number;
}

const FENCE = /^ {0,3}(`{3,}(?=[^`]*$)|~{3,})/;
const HEADING = /^ {0,3}(#{1,6})(?![^ \t])(.*)/s;
const RULE = /^ {0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const MARKER = /^( {0,3})([-*+]|(\d{1,9})[.)])(?:( +)(?=\S)|[ \t]*$)/;
const TASK = /^\[([ xX])\][ \t]+(?=\S)/;
const UNDERLINE = /^ {0,3}(=+|-+)[ \t]*$/;
const DELIMITERS = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*(?:\|[ \t]*)?$/;

/** Deeper than this, lists and quotes are text. */
const DEEPEST = 12;

export const isBlank = (line: string | undefined): boolean => !line?.trim();

/** The blocks of these lines. */
export function parse(lines: readonly string[], depth = 0): Placed[] {
  const blocks: Placed[] = [];
  let at = 0;
  while (at < lines.length) {
    if (isBlank(lines[at])) {
      at += 1;
      continue;
    }
    const [block, next] = blockAt(lines, at, depth);
    blocks.push({ block, line: at });
    at = next;
  }
  return blocks;
}

const inner = (lines: readonly string[], depth: number): Block[] => parse(lines, depth + 1).map(({ block }) => block);

/** The block that begins in a line that is not blank, and the line after it. */
function blockAt(lines: readonly string[], at: number, depth: number): [Block, number] {
  const line = lines[at] ?? '';
  const heading = HEADING.exec(line);
  if (heading) return [{ type: 'heading', level: heading[1]?.length ?? 1, text: titleOf(heading[2] ?? '') }, at + 1];
  if (RULE.test(line)) return [{ type: 'rule' }, at + 1];
  const fence = FENCE.exec(line)?.[1];
  if (fence) return codeAt(lines, at, fence);
  if (depth < DEEPEST) {
    if (QUOTE.test(line)) return quoteAt(lines, at, depth);
    const marker = MARKER.exec(line);
    if (marker) return listAt(lines, at, marker, depth);
  }
  if (/^( {4}|\t)/.test(line)) return indentedCodeAt(lines, at);
  return tableAt(lines, at) ?? paragraphAt(lines, at);
}

/** A heading's text, without what closes it. */
const titleOf = (text: string): string => text.trim().replace(/(^|[ \t])#+$/, '').trim();

/** To the closing fence; while there is none, to the end. */
function codeAt(lines: readonly string[], at: number, fence: string): [Block, number] {
  const indent = lines[at]?.search(/\S/) ?? 0;
  const closing = new RegExp(`^ {0,3}[${fence[0]}]{${fence.length},}[ \\t]*$`);
  let end = at + 1;
  while (end < lines.length && !closing.test(lines[end] ?? '')) end += 1;
  const text = lines.slice(at + 1, end).map((line) => line.replace(new RegExp(`^ {0,${indent}}`), ''));
  return [{ type: 'code', text: text.join('\n') }, end + 1];
}

function indentedCodeAt(lines: readonly string[], at: number): [Block, number] {
  let end = at;
  while (end < lines.length && (isBlank(lines[end]) || /^( {4}|\t)/.test(lines[end] ?? ''))) end += 1;
  while (isBlank(lines[end - 1])) end -= 1;
  return [{ type: 'code', text: lines.slice(at, end).map((line) => line.replace(/^( {4}|\t)/, '')).join('\n') }, end];
}

function quoteAt(lines: readonly string[], at: number, depth: number): [Block, number] {
  const quoted: string[] = [];
  let end = at;
  for (; end < lines.length; end++) {
    const line = lines[end] ?? '';
    // A paragraph goes on without the mark.
    if (!QUOTE.test(line) && (isBlank(line) || isBlank(quoted.at(-1)) || interrupts(line))) break;
    quoted.push(line.replace(QUOTE, ''));
  }
  return [{ type: 'quote', blocks: inner(quoted, depth) }, end];
}

function listAt(lines: readonly string[], at: number, first: RegExpExecArray, depth: number): [Block, number] {
  const kind = kindOf(first);
  const items: Item[] = [];
  let isLoose = false;
  let end = at;
  for (let marker: RegExpExecArray | null = first; marker && kindOf(marker) === kind; marker = MARKER.exec(lines[end] ?? '')) {
    if (RULE.test(lines[end] ?? '')) break;
    const indent = indentOf(marker);
    const own = [(lines[end] ?? '').slice(indent)];
    const from = end;
    for (end += 1; end < lines.length && continues(lines, end, indent, own); end++) own.push(dedent(lines[end] ?? '', indent));
    const hasGap = end < lines.length && isBlank(lines[end - 1]);
    while (isBlank(own.at(-1)) && own.length) own.pop();
    const task = TASK.exec(own[0] ?? '');
    if (task) own[0] = (own[0] ?? '').slice(task[0].length);
    const placed = parse(own, depth + 1);
    items.push({ isDone: task ? task[1] !== ' ' : undefined, blocks: placed.map(({ block }) => block) });
    isLoose ||= placed.some(({ line }, index) => index > 0 && isBlank(own[line - 1]));
    const next = MARKER.exec(lines[end] ?? '');
    isLoose ||= hasGap && next !== null && kindOf(next) === kind;
    if (end === from) break;
  }
  return [{ type: 'list', start: first[3] === undefined ? undefined : Number(first[3]), isLoose, items }, end];
}

/** Lists of one kind go together: of one bullet, or of numbers with one mark. */
const kindOf = (marker: RegExpExecArray): string => marker[2]?.slice(-1) ?? '';

/** Where an item's text begins. */
function indentOf([, before = '', mark = '', , gap = ' ']: RegExpExecArray): number {
  return before.length + mark.length + (gap.length > 4 ? 1 : gap.length);
}

/** Whether a line still belongs to an item that has these lines so far. */
function continues(lines: readonly string[], at: number, indent: number, own: readonly string[]): boolean {
  const line = lines[at] ?? '';
  if (isBlank(line)) {
    // As the blank one before it, which does.
    if (own.length > 1 && isBlank(own.at(-1))) return true;
    const next = lines.slice(at).find((later) => !isBlank(later));
    return next === undefined || next.search(/\S/) >= indent || MARKER.test(next);
  }
  if (line.search(/\S/) >= indent) return true;
  // Models indent what belongs to `1.` by two blanks.
  if (/^ {2}/.test(line) && MARKER.test(line) && indent > 2) return true;
  return !isBlank(own.at(-1)) && !interrupts(line) && !FENCE.test(own[0] ?? '');
}

const dedent = (line: string, indent: number): string => line.slice(Math.min(Math.max(line.search(/\S/), 0), indent));

/** Whether a line ends the paragraph before it. */
function interrupts(line: string): boolean {
  const marker = MARKER.exec(line);
  return HEADING.test(line) || RULE.test(line) || FENCE.test(line) || QUOTE.test(line) || (marker !== null && line.length > marker[0].length);
}

function tableAt(lines: readonly string[], at: number): [Block, number] | null {
  const delimiters = lines[at + 1] ?? '';
  if (!lines[at]?.includes('|') || !delimiters.includes('-') || !DELIMITERS.test(delimiters)) return null;
  const head = cells(lines[at] ?? '');
  const align = cells(delimiters).map((cell): Align => {
    if (cell.endsWith(':')) return cell.startsWith(':') ? 'center' : 'right';
    return cell.startsWith(':') ? 'left' : undefined;
  });
  if (head.length !== align.length) return null;
  const rows: string[][] = [];
  let end = at + 2;
  for (; end < lines.length && !isBlank(lines[end]) && !interrupts(lines[end] ?? ''); end++) {
    const row = cells(lines[end] ?? '');
    rows.push(head.map((_, column) => row[column] ?? ''));
  }
  return [{ type: 'table', align, head, rows }, end];
}

/** What stands between the bars of a line; one after a backslash is none. */
function cells(line: string): string[] {
  const parts = line.trim().replace(/^\|/, '').replace(/(?<!\\)\|$/, '');
  return parts.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|'));
}

function paragraphAt(lines: readonly string[], at: number): [Block, number] {
  let end = at + 1;
  for (; end < lines.length && !isBlank(lines[end]); end++) {
    const line = lines[end] ?? '';
    const underline = UNDERLINE.exec(line)?.[1];
    if (underline) {
      const level = underline.startsWith('=') ? 1 : 2;
      return [{ type: 'heading', level, text: textOf(lines.slice(at, end)) }, end + 1];
    }
    if (interrupts(line) || tableAt(lines, end)) break;
  }
  return [{ type: 'paragraph', text: textOf(lines.slice(at, end)) }, end];
}

const textOf = (lines: readonly string[]): string => lines.map((line) => line.trim()).join('\n');
