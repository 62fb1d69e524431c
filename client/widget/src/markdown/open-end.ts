// The end of a text that still grows. What was begun there is shown as if it were whole, so that it
// does not turn from marks into what they mean when the rest comes.

const FENCE = /^ {0,3}(`{3,}|~{3,})/;

/** What may be the beginning of a fence, a rule, a list's mark or a heading. */
const BEGINNING = /^ *(?:`{1,2}|~{1,2}|[-*+_=]{1,2} ?|\d+[.)]? ?|#+ ?|>+ ?)$/;

const SPAN = /(`+)(?!`).*?(?<!`)\1(?!`)/g;

/** The head of a table, of which no row is there yet, and its second line only in part. */
const HEAD = /^ {0,3}\|(.*?)\|?[ \t]*(?:\n[ \t|:-]*)?$/;

/** To look through what is longer takes too long, each time that it grows. */
const LONGEST = 8_192;

/** The text of the last block, with what is open at its end closed. */
export function closeEnd(text: string): string {
  if (text.length > LONGEST || FENCE.test(text)) return text;
  const head = HEAD.exec(text)?.[1];
  if (head !== undefined) return `|${head}|\n|${'-|'.repeat(head.split(/(?<!\\)\|/).length)}`;
  const from = text.lastIndexOf('\n') + 1;
  if (BEGINNING.test(text.slice(from))) return text.slice(0, from).trimEnd();
  const tick = inPlainSight(text).indexOf('`', from);
  if (tick >= 0) {
    const marks = /^`+/.exec(text.slice(tick))?.[0] ?? '';
    return closeBold(text.length > tick + marks.length ? text + marks : text.slice(0, tick));
  }
  return closeBold(text.slice(0, from) + withoutTarget(text.slice(from)));
}

/** In code nothing counts. */
const inPlainSight = (text: string): string => text.replace(SPAN, (span) => '.'.repeat(span.length));

/** A link of which only the label is there yet is its label. */
const withoutTarget = (line: string): string => line.replace(/!?\[([^\]]*)(?:\](?:\([^)\s]*)?)?$/, (_, label: string) => label);

/** Closes `**`, and takes away one that nothing follows yet. */
function closeBold(text: string): string {
  const bare = text.replace(/\*+$/, '');
  const paragraph = inPlainSight(bare.slice(bare.lastIndexOf('\n\n') + 1));
  const isOpen = (paragraph.match(/\*\*/g)?.length ?? 0) % 2 === 1;
  if (isOpen) return `${bare.trimEnd()}**`;
  return bare !== text && /(^|\s)$/.test(bare) ? bare : text;
}
