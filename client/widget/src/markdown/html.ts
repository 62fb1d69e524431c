import type { Block, Item } from './blocks.js';
import { escape } from './escape.js';
import { inline } from './inline.js';

/** A block as HTML, to be sanitised. */
export function htmlOf(block: Block): string {
  switch (block.type) {
    case 'paragraph':
      return `<p>${inline(block.text)}</p>`;
    case 'heading':
      return `<h${block.level}>${inline(block.text)}</h${block.level}>`;
    case 'code':
      // Whoever uses the keyboard has to get there to scroll it.
      return `<pre tabindex="0"><code>${escape(block.text)}</code></pre>`;
    case 'rule':
      return '<hr>';
    case 'quote':
      return `<blockquote>${block.blocks.map(htmlOf).join('')}</blockquote>`;
    case 'list':
      return listOf(block.start, block.items, block.isLoose);
    case 'table':
      return tableOf(block);
  }
}

function listOf(start: number | undefined, items: readonly Item[], isLoose: boolean): string {
  const html = items.map((item) => `<li>${itemOf(item, isLoose)}</li>`).join('');
  if (start === undefined) return `<ul>${html}</ul>`;
  return start === 1 ? `<ol>${html}</ol>` : `<ol start="${start}">${html}</ol>`;
}

function itemOf({ isDone, blocks }: Item, isLoose: boolean): string {
  const box = isDone === undefined ? '' : isDone ? '☑ ' : '☐ ';
  return box + blocks.map((block) => (block.type === 'paragraph' && !isLoose ? inline(block.text) : htmlOf(block))).join('');
}

function tableOf({ align, head, rows }: Extract<Block, { type: 'table' }>): string {
  const row = (cells: readonly string[], name: string) => {
    const html = cells.map((cell, column) => {
      const side = align[column];
      return `<${name}${side ? ` align="${side}"` : ''}>${inline(cell)}</${name}>`;
    });
    return `<tr>${html.join('')}</tr>`;
  };
  const body = rows.length ? `<tbody>${rows.map((cells) => row(cells, 'td')).join('')}</tbody>` : '';
  return `<table tabindex="0"><thead>${row(head, 'th')}</thead>${body}</table>`;
}
