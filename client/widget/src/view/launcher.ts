import { fill, type Texts } from '../texts.js';
import { button, h, icon, setText } from './dom.js';

const BUBBLE = 'M4 4h16a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2h-7l-5 4.5V17H4a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2z';

/** A badge shows no more than this. */
const MOST = 99;

/** The button that opens the chat. */
export class Launcher {
  readonly element: HTMLButtonElement;
  readonly #badge = h('span', { class: 'badge', part: 'badge', 'aria-hidden': 'true', 'data-testid': 'unread' });

  constructor(onClick: () => void) {
    this.element = button({ class: 'launcher', part: 'launcher', 'aria-controls': 'panel' }, onClick, icon(BUBBLE), this.#badge);
  }

  show(isOpen: boolean, unread: number, texts: Texts): void {
    const label = isOpen ? texts.close : unread ? fill(texts.openUnread, { count: unread }) : texts.open;
    this.element.setAttribute('aria-label', label);
    this.element.setAttribute('aria-expanded', String(isOpen));
    this.#badge.hidden = !unread;
    setText(this.#badge, unread > MOST ? `${MOST}+` : String(unread));
  }
}
