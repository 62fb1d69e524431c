import { htmlOf } from './html.js';
import { isBlank, parse } from './blocks.js';
import { closeEnd } from './open-end.js';

/** What has changed: from block `from` on, the blocks are these. */
export interface Change {
  from: number;
  html: string[];
}

/**
 * A text in Markdown that grows at its end. More text can change the last block only; so those before
 * it are made once.
 */
export class GrowingMarkdown {
  #text = '';
  /** Where the last block begins in the text. */
  #start = 0;
  /** The blocks before it. */
  #count = 0;

  /** Takes the text as it is now; `isOpen` while there is more to come. */
  set(text: string, isOpen: boolean): Change {
    if (!text.startsWith(this.#text)) this.#start = this.#count = 0;
    this.#text = text;
    const from = this.#count;
    const lines = text.slice(this.#start).replaceAll('\r\n', '\n').split('\n');
    const placed = parse(lines);
    const last = placed.at(-1);
    if (!last) return { from, html: [] };
    const html = placed.map(({ block }) => htmlOf(block));
    if (isOpen && !isBlank(lines.at(-1))) {
      const end = parse(closeEnd(lines.slice(last.line).join('\n')).split('\n'));
      html.splice(-1, 1, ...end.map(({ block }) => htmlOf(block)));
    }
    for (const line of lines.slice(0, last.line)) this.#start += line.length + 1;
    this.#count += placed.length - 1;
    return { from, html };
  }
}
