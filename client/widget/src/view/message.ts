import type { ChatMessage } from '@causerie/client/conversation';
import { MarkdownView } from '../markdown/view.js';
import type { Texts } from '../texts.js';
import { button, h, setText } from './dom.js';

/** What messages are shown with. As long as it is the same object nothing in it has changed. */
export interface MessageContext {
  texts: Texts;
  /** Whether what is sent goes out now. */
  isUp: boolean;
  images: boolean;
  onRetry(key: string): void;
  onDiscard(key: string): void;
}

/** One message. */
export class MessageView {
  readonly element: HTMLLIElement;
  readonly #text: HTMLElement;
  readonly #markdown: MarkdownView | null;
  readonly #author = h('span', { class: 'unseen' });
  readonly #note: HTMLElement;
  #shown: ChatMessage | undefined;
  #context: MessageContext | undefined;
  #noted = '';

  constructor({ role, isOwn }: ChatMessage) {
    this.#markdown = role === 'assistant' ? new MarkdownView() : null;
    this.#text = this.#markdown?.element ?? h('div', { class: 'plain' });
    // What becomes of one's own is read out as it changes.
    this.#note = h('div', { class: 'note', part: 'note', role: isOwn ? 'status' : 'note' });
    const bubble = h('div', { class: 'bubble', part: 'bubble' }, this.#author, this.#text);
    const kind = role === 'assistant' ? 'assistant' : isOwn ? 'own' : 'other';
    const testId = role === 'assistant' ? 'assistant-message' : 'user-message';
    this.element = h('li', { class: `message ${kind}`, part: `message ${kind}`, 'data-testid': testId }, bubble, this.#note);
  }

  /** What is read of it. */
  get spoken(): string {
    return this.#text.innerText;
  }

  show(message: ChatMessage, context: MessageContext): void {
    if (this.#shown === message && this.#context === context) return;
    const { state, text } = message;
    if (this.#shown !== message || this.#context?.images !== context.images) {
      const isOpen = state === 'streaming';
      this.element.dataset['state'] = state;
      this.element.setAttribute('aria-busy', String(isOpen));
      // What has no text yet is told by the line that says who types.
      this.element.hidden = isOpen && !text;
      if (this.#markdown) this.#markdown.show(text, { isOpen, images: context.images });
      else if (this.#shown?.text !== text) this.#text.textContent = text;
      this.#text.parentElement?.toggleAttribute('hidden', !text);
      this.#shown = message;
    }
    this.#context = context;
    setText(this.#author, `${authorOf(message, context.texts)}: `);
    this.#showNote(message, context);
  }

  #showNote(message: ChatMessage, context: MessageContext): void {
    const words = noteOf(message, context);
    const time = message.state === 'streaming' ? '' : timeOf(message.at);
    const noted = [time, words, message.key, context.texts.retry].join('\n');
    if (noted === this.#noted) return;
    this.#noted = noted;
    const { texts, onRetry, onDiscard } = context;
    this.#note.replaceChildren(time, time && words ? ' · ' : '', words);
    if (message.role === 'user' && message.state === 'failed') {
      this.#note.append(
        ' ',
        button({ class: 'link', 'data-testid': 'retry-button' }, () => onRetry(message.key), texts.retry),
        ' ',
        button({ class: 'link' }, () => onDiscard(message.key), texts.discard),
      );
    }
  }
}

function authorOf({ role, isOwn }: ChatMessage, texts: Texts): string {
  if (role === 'assistant') return texts.assistant;
  return isOwn ? texts.you : texts.someone;
}

/** What became of it, in plain words. */
function noteOf({ role, isOwn, state, error, reply }: ChatMessage, { texts, isUp }: MessageContext): string {
  switch (state) {
    case 'queued':
      return isUp ? (texts[error?.code as 'overloaded'] ?? texts.sending) : texts.queued;
    case 'sent':
      if (role === 'assistant') return reply?.finish_reason === 'length' ? texts.cutShort : '';
      return isOwn ? `✓ ${texts.sent}` : '';
    case 'failed':
      if (role === 'assistant') return texts.noAnswer;
      return [texts.notSent, error?.message].filter(Boolean).join(' ');
    case 'cancelled':
      return texts.stopped;
    case 'streaming':
      return '';
  }
}

const timeOf = (at: number): string => new Date(at).toLocaleTimeString([], { hour: 'numeric', minute: '2-digit' });
