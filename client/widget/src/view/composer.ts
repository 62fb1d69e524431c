import type { Texts } from '../texts.js';
import { button, h, icon, setText } from './dom.js';

const SEND = 'M3.4 20.4 21.9 12 3.4 3.6 3.4 10l12 2-12 2z';
const STOP = 'M7 7h10v10H7z';

/** What is written in the composer. */
export interface ComposerEvents {
  /** May throw: then the text stays, with the error's words beneath it. */
  onSend(text: string): void;
  onStop(): void;
  /** A key was pressed; `isEmpty`: nothing is left. */
  onType(isEmpty: boolean): void;
}

/** Where a message is written. */
export class Composer {
  readonly element = h('form', { class: 'composer', part: 'composer' });
  readonly #input = h('textarea', {
    id: 'input',
    part: 'input',
    rows: '1',
    enterkeyhint: 'send',
    autocomplete: 'off',
    'aria-describedby': 'problem',
    'data-testid': 'message-input',
  });
  readonly #label = h('label', { for: 'input', class: 'unseen' });
  readonly #problem = h('div', { id: 'problem', class: 'problem', role: 'alert' });
  readonly #send = h('button', { class: 'send', part: 'send', 'data-testid': 'send-button' }, icon(SEND));
  readonly #stop: HTMLButtonElement;
  readonly #events: ComposerEvents;

  constructor(events: ComposerEvents) {
    this.#events = events;
    this.#stop = button({ class: 'stop', part: 'stop', hidden: '', 'data-testid': 'stop-button' }, () => this.#onStop(), icon(STOP));
    this.element.append(this.#label, this.#input, this.#stop, this.#send, this.#problem);
    this.element.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#onSubmit();
    });
    this.#input.addEventListener('input', () => {
      this.problem = '';
      this.#fit();
      events.onType(!this.#input.value);
    });
    this.#input.addEventListener('keydown', (event) => {
      // While a word is being composed Enter ends the word.
      // (229: so Safari says it.)
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.element.requestSubmit();
    });
  }

  setTexts(texts: Texts): void {
    this.#label.textContent = texts.message;
    this.#input.placeholder = texts.placeholder;
    this.#send.setAttribute('aria-label', texts.send);
    this.#stop.setAttribute('aria-label', texts.stop);
  }

  /** Whether there is something to stop. */
  set isAnswering(isAnswering: boolean) {
    // Its focus goes where the person goes on.
    if (!isAnswering && this.#stop.matches(':focus')) this.focus();
    this.#stop.hidden = !isAnswering;
  }

  /** What did not work, in words. */
  set problem(words: string) {
    setText(this.#problem, words);
  }

  focus(): void {
    this.#input.focus({ preventScroll: true });
  }

  #onSubmit(): void {
    const text = this.#input.value.trim();
    if (text) {
      try {
        this.#events.onSend(text);
        this.#input.value = '';
        this.problem = '';
        this.#fit();
      } catch (error) {
        this.problem = (error as Error).message;
      }
    }
    this.focus();
  }

  #onStop(): void {
    this.#events.onStop();
    this.focus();
  }

  /** As high as its text, where CSS cannot do that. */
  #fit(): void {
    if (CSS.supports('field-sizing', 'content')) return;
    this.#input.style.height = 'auto';
    this.#input.style.height = `${this.#input.scrollHeight + 2}px`;
  }
}
