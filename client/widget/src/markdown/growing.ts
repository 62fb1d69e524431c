import { htmlOf } from './html.js';
import { isBlank, parse } from './blocks.js';
import { closeEnd } from './open-end.js';

/** What has changed: from block `from` on, the blocks are these. */
export interface Change {
  from: number;
  html: string[];
}

/**
 * A text in Markdown that grows at its end. More text changes the last block only, or while there are no
 * two lines of that, so that it may yet go on with the one before, those two. Others are made once.
 */
export class GrowingMarkdown {
  #text = '';
  /** Where in the text what may change begins. */
  #start = 0;
  /** The blocks before that. */
  #count = 0;

  /** Takes the text as it is now; `isOpen` while there is more to come. */
  set(raw: string, isOpen: boolean): Change {
    const text = raw.replaceAll('\r\n', '\n');
    if (!text.startsWith(this.#text)) this.#start = this.#count = 0;
    this.#text = text;
    const from = this.#count;
    const lines = text.slice(this.#start).split('\n');
    const placed = parse(lines);
    const last = placed.at(-1);
    if (!last) return { from, html: [] };
    const html = placed.map(({ block }) => htmlOf(block));
    // An empty line ends what is open.
    if (isOpen && !lines.slice(-2).every(isBlank)) {
      const end = parse(closeEnd(lines.slice(last.line).join('\n')).split('\n'));
      html.splice(-1, 1, ...end.map(({ block }) => htmlOf(block)));
    }
    const kept = Math.max(placed.length - (last.line + 2 < lines.length ? 1 : 2), 0);
    for (const line of lines.slice(0, placed[kept]?.line)) this.#start += line.length + 1;
    this.#count += kept;
    return { from, html };
  }
}
