import type { ChatMessage, Snapshot } from '@causerie/client/conversation';
import type { Texts } from '../texts.js';
import { button, h, icon, setText } from './dom.js';
import { type MessageContext, MessageView } from './message.js';
import { EndKeeper } from './scroll.js';

const DOWN = 'M12 16.5 5.5 10l1.4-1.4 5.1 5.1 5.1-5.1 1.4 1.4z';

/** What a conversation shows, and who types in it. */
export interface ListState extends Snapshot {
  typing: string;
}

/** The messages of a conversation. */
export class MessageList {
  readonly element: HTMLElement;
  readonly #scroller = h('div', { class: 'scroller', part: 'messages', role: 'log', 'aria-live': 'off', tabindex: '0' });
  readonly #list = h('ol');
  readonly #earlier: HTMLButtonElement;
  readonly #empty = h('div', { class: 'empty' });
  readonly #welcome = h('slot', { name: 'welcome' });
  readonly #typing = h('div', { class: 'typing', part: 'typing', 'data-testid': 'typing' });
  readonly #typingWords = h('span');
  readonly #newest: HTMLButtonElement;
  readonly #end: EndKeeper;
  readonly #views = new Map<string, MessageView>();
  #shown: readonly ChatMessage[] = [];

  constructor(onEarlier: () => void) {
    this.#earlier = button({ class: 'quiet' }, onEarlier);
    this.#newest = button({ class: 'newest', hidden: '' }, () => this.#onNewest(), icon(DOWN));
    this.#empty.append(this.#welcome);
    this.#typing.append(h('span', { class: 'dots', 'aria-hidden': 'true' }, h('i'), h('i'), h('i')), this.#typingWords);
    const content = h('div', { class: 'content' }, this.#earlier, this.#empty, this.#list, this.#typing);
    this.#scroller.append(content);
    this.element = h('div', { class: 'messages' }, this.#scroller, this.#newest);
    this.#end = new EndKeeper(this.#scroller, content, (isAtEnd) => (this.#newest.hidden = isAtEnd));
  }

  setTexts(texts: Texts): void {
    this.#scroller.setAttribute('aria-label', texts.conversation);
    this.#newest.setAttribute('aria-label', texts.newest);
  }

  show({ messages, hasOlder, isLoading, error, typing }: ListState, context: MessageContext): void {
    const { texts } = context;
    if (!hasOlder && this.#earlier.matches(':focus')) this.#scroller.focus();
    this.#end.hold(this.#list.firstElementChild, () => {
      this.#showMessages(messages, context);
      this.#earlier.hidden = !hasOlder;
    });
    this.#empty.hidden = messages.length > 0;
    setText(this.#earlier, error ? `${error.message} ${texts.retry}` : texts.earlier);
    setText(this.#welcome, error?.message ?? (isLoading ? texts.loading : texts.welcome));
    this.#typing.hidden = !typing;
    setText(this.#typingWords, typing);
    const last = messages.at(-1);
    const isNew = last?.isOwn && last.key !== this.#shown.at(-1)?.key;
    this.#shown = messages;
    if (isNew || this.#end.isAtEnd) this.#end.toEnd();
  }

  showEnd(): void {
    this.#end.toEnd();
  }

  /** The button is gone then, and its focus with it. */
  #onNewest(): void {
    this.#end.toEnd();
    this.#scroller.focus();
  }

  /** What a message says, as it is read. */
  spoken(key: string): string {
    return this.#views.get(key)?.spoken ?? '';
  }

  /** Each view goes where its message is; those that are in place are not moved. */
  #showMessages(messages: readonly ChatMessage[], context: MessageContext): void {
    const keys = new Set(messages.map(({ key }) => key));
    for (const [key, view] of this.#views) {
      if (keys.has(key)) continue;
      view.element.remove();
      this.#views.delete(key);
    }
    let place = this.#list.firstElementChild;
    for (const message of messages) {
      const view = this.#views.get(message.key) ?? new MessageView(message);
      this.#views.set(message.key, view);
      view.show(message, context);
      if (view.element === place) place = place.nextElementSibling;
      else this.#list.insertBefore(view.element, place);
    }
  }
}
