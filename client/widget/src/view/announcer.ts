import { h } from './dom.js';

/** Of a long answer no more is read out by itself; it can be read where it stands. */
const LONGEST = 600;

/** How many announcements stand there: one that is gone at once may never be read. */
const MOST = 3;

/**
 * Says to screen readers what happens. The conversation itself is no live region: then each word of an
 * answer would be read as it comes. Here it is said once, whole.
 */
export class Announcer {
  readonly element = h('div', { class: 'unseen', role: 'status', 'aria-live': 'polite', 'aria-atomic': 'false' });

  say(text: string, rest = ''): void {
    const told = text.length > LONGEST ? `${text.slice(0, LONGEST)}… ${rest}` : text;
    this.element.append(h('p', {}, told));
    while (this.element.childElementCount > MOST) this.element.firstElementChild?.remove();
  }
}
