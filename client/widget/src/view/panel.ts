import type { Texts } from '../texts.js';
import { button, h, icon } from './dom.js';

const CLOSE = 'M18.3 5.7 12 12l6.3 6.3-1.4 1.4L10.6 13.4 4.3 19.7 2.9 18.3 9.2 12 2.9 5.7l1.4-1.4 6.3 6.3 6.3-6.3z';

/** The frame around a conversation. */
export class Panel {
  readonly element = h('section', { class: 'panel', part: 'panel', id: 'panel', tabindex: '-1', 'aria-labelledby': 'heading' });
  readonly #heading = h('h2', { id: 'heading' });
  readonly #close: HTMLButtonElement;

  constructor(onClose: () => void, ...content: HTMLElement[]) {
    this.#close = button({ class: 'close', part: 'close' }, onClose, icon(CLOSE));
    const header = h('header', { part: 'header' }, h('slot', { name: 'header' }, this.#heading), this.#close);
    this.element.append(header, ...content);
    this.element.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && !event.isComposing) onClose();
    });
  }

  setTexts(texts: Texts): void {
    this.#heading.textContent = texts.heading;
    this.#close.setAttribute('aria-label', texts.close);
  }

  /** What floats is a dialog that can be closed; else it is a part of the page. */
  set isFloating(isFloating: boolean) {
    this.element.setAttribute('role', isFloating ? 'dialog' : 'region');
    this.#close.hidden = !isFloating;
  }
}
