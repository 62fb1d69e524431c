import { type State, whyOf } from '@causerie/client';
import { fill, type Texts } from '../texts.js';
import { button, h, setText } from './dom.js';

/** How the connection is, and what waits for it, in plain words; nothing while all is well. */
export class StatusLine {
  readonly element: HTMLElement;
  readonly #words = h('span');
  readonly #waiting = h('span');
  readonly #reconnect: HTMLButtonElement;

  constructor(onReconnect: () => void) {
    this.#reconnect = button({ class: 'link' }, onReconnect);
    this.element = h('div', { class: 'status', part: 'status', 'data-testid': 'status' }, this.#words, ' ', this.#waiting, ' ', this.#reconnect);
  }

  show(state: State | null, waiting: number, texts: Texts): void {
    const isUp = state === null || state.name === 'ready';
    const words = state ? wordsOf(state, texts) : '';
    this.element.hidden = isUp || !words;
    setText(this.#words, words);
    setText(this.#waiting, waiting && !isUp ? fill(texts.waiting, { count: waiting }) : '');
    this.#reconnect.hidden = state?.name !== 'closed';
    setText(this.#reconnect, texts.reconnect);
  }
}

/** A connection's state in words for a person; empty where there is nothing to say. */
export function wordsOf(state: State, texts: Texts): string {
  if (state.name === 'ready') return '';
  if (state.name === 'fallback') return texts.fallback;
  const why = whyOf(state);
  // The server's own sentence says why.
  if (why === 'refused') return state.reason?.error?.message ?? texts.closed;
  return texts[why ?? 'connecting'];
}
