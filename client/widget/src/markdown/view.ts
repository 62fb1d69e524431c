import { GrowingMarkdown } from './growing.js';
import { patch } from './patch.js';
import { sanitise } from './sanitise.js';

/** Shows a text in Markdown that may grow, in an element of its own. */
export class MarkdownView {
  readonly element = document.createElement('div');
  readonly #markdown = new GrowingMarkdown();
  /** The blocks that are shown, as HTML. */
  readonly #html: string[] = [];
  #images: boolean | undefined;

  constructor() {
    this.element.className = 'markdown';
  }

  /** Shows the text as it is now; `isOpen` while there is more to come. */
  show(text: string, { isOpen, images }: { isOpen: boolean; images: boolean }): void {
    if (images !== this.#images) {
      this.#images = images;
      // All is made anew.
      this.show('', { isOpen, images });
    }
    const { from, html } = this.#markdown.set(text, isOpen);
    html.forEach((block, index) => this.#showBlock(from + index, block, images));
    this.#html.length = from + html.length;
    while (this.element.childElementCount > this.#html.length) this.element.lastElementChild?.remove();
  }

  /** Each block has an element around it, which stays. */
  #showBlock(at: number, html: string, images: boolean): void {
    if (this.#html[at] === html) return;
    this.#html[at] = html;
    const place = this.element.children[at] ?? this.element.appendChild(document.createElement('div'));
    patch(place, sanitise(html, images));
  }
}
