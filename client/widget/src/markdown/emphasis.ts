// Emphasis, by the rules of CommonMark: https://spec.commonmark.org/0.31.2/#emphasis-and-strong-emphasis

/** A piece of HTML; or, with a `mark`, a run of marks that may begin or end emphasis. */
export interface Run {
  html: string;
  mark?: string;
  /** How many of the marks are left. */
  count: number;
  /** How many there were. */
  length: number;
  canOpen: boolean;
  canClose: boolean;
}

const BLANK = /\s/;
const PUNCTUATION = /[\p{P}\p{S}]/u;

/** What began more runs ago than this is text. */
const FARTHEST = 2_000;

export const piece = (html: string): Run => ({ html, count: 0, length: 0, canOpen: false, canClose: false });

/** A run of `*`, `_` or `~` between these characters. */
export function runOf(marks: string, before: string, after: string): Run {
  const mark = marks[0] ?? '';
  const isLeft = !BLANK.test(after) && (!PUNCTUATION.test(after) || BLANK.test(before) || PUNCTUATION.test(before));
  const isRight = !BLANK.test(before) && (!PUNCTUATION.test(before) || BLANK.test(after) || PUNCTUATION.test(after));
  const isWord = mark === '_';
  return {
    html: '',
    mark,
    count: marks.length,
    length: marks.length,
    canOpen: isLeft && (!isWord || !isRight || PUNCTUATION.test(before)),
    canClose: isRight && (!isWord || !isLeft || PUNCTUATION.test(after)),
  };
}

/** The HTML of the runs. */
export function emphasise(runs: Run[]): string {
  for (let at = 0; at < runs.length; at++) {
    const closer = runs[at];
    while (closer?.canClose && closer.count) {
      const from = openerOf(runs, at, closer);
      const opener = runs[from];
      if (!opener) break;
      const used = Math.min(2, opener.count, closer.count);
      const name = closer.mark === '~' ? 'del' : used === 2 ? 'strong' : 'em';
      const html = runs.slice(from + 1, at).map(htmlOf).join('');
      opener.count -= used;
      closer.count -= used;
      runs.splice(from + 1, at - from - 1, piece(`<${name}>${html}</${name}>`));
      at = from + 2;
    }
  }
  return runs.map(htmlOf).join('');
}

function openerOf(runs: readonly Run[], at: number, closer: Run): number {
  for (let from = at - 1; from >= at - FARTHEST; from--) {
    const run = runs[from];
    if (!run?.canOpen || !run.count || run.mark !== closer.mark) continue;
    if (run.mark === '~' && run.length !== closer.length) continue;
    // The rule of three.
    const isBoth = run.canClose || closer.canOpen;
    if (isBoth && (run.length + closer.length) % 3 === 0 && (run.length % 3 || closer.length % 3)) continue;
    return from;
  }
  return -1;
}

const htmlOf = ({ html, mark = '', count }: Run): string => html || mark.repeat(count);
