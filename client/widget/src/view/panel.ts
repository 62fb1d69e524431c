import type { Texts } from '../texts.js';
import { button, h, icon } from './dom.js';

const CLOSE = 'M18.3 5.7 12 12l6.3 6.3-1.4 1.4L10.6 13.4 4.3 19.7 2.9 18.3 9.2 12 2.9 5.7l1.4-1.4 6.3 6.3 6.3-6.3z';

/** As in the style sheet: here the panel covers the page. */
const SMALL = '(max-width: 480px)';

const FOCUSABLE = 'button, textarea, a[href], [tabindex="0"]';

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
      if (event.key === 'Tab' && this.element.ariaModal === 'true') this.#keepFocus(event);
    });
  }

  setTexts(texts: Texts): void {
    this.#heading.textContent = texts.heading;
    this.#close.setAttribute('aria-label', texts.close);
  }

  /** What floats is a dialog that can be closed; else it is a part of the page. */
  show(isFloating: boolean, isOpen: boolean): void {
    const { element } = this;
    element.hidden = isFloating && !isOpen;
    element.role = isFloating ? 'dialog' : 'region';
    element.ariaModal = isFloating ? String(matchMedia(SMALL).matches) : null;
    this.#close.hidden = !isFloating;
  }

  /** What the panel covers cannot be seen: so the focus goes round in it. */
  #keepFocus(event: KeyboardEvent): void {
    // What the page has put into a slot is not among the panel's own descendants.
    const all = [...this.element.querySelectorAll<HTMLElement>(`slot,${FOCUSABLE}`)]
      .flatMap((one) => (one as HTMLSlotElement).assignedElements?.().flatMap((put) => [put, ...put.querySelectorAll(FOCUSABLE)] as HTMLElement[]) ?? one)
      .filter((one) => one.matches(FOCUSABLE) && one.checkVisibility());
    const [from, to] = event.shiftKey ? [all[0], all.at(-1)] : [all.at(-1), all[0]];
    if (!from?.matches(':focus') && !(event.shiftKey && this.element.matches(':focus'))) return;
    event.preventDefault();
    to?.focus();
  }
}
