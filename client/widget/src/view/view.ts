import type { State } from '@causerie/client';
import { isUp } from '@causerie/client';
import { type ChatMessage, EMPTY } from '@causerie/client/conversation';
import type { Chat } from '../chat.js';
import type { Texts } from '../texts.js';
import { Announcer } from './announcer.js';
import { Composer, type ComposerEvents } from './composer.js';
import { Launcher } from './launcher.js';
import type { MessageContext } from './message.js';
import { MessageList } from './message-list.js';
import { Panel } from './panel.js';
import { StatusLine, wordsOf } from './status-line.js';

/** What a person does. */
export interface ViewEvents extends ComposerEvents {
  onToggle(): void;
  onClose(): void;
  onEarlier(): void;
  onReconnect(): void;
  onRetry(key: string): void;
  onDiscard(key: string): void;
}

/** How things are shown. */
export interface Look {
  texts: Texts;
  images: boolean;
  isFloating: boolean;
}

/** All that is seen of a chat. */
export class View {
  readonly #launcher: Launcher;
  readonly #panel: Panel;
  readonly #status: StatusLine;
  readonly #list: MessageList;
  readonly #composer: Composer;
  readonly #announcer = new Announcer();
  /** The buttons of a message are gone when they were pressed, and their focus with them. */
  readonly #actions: Pick<MessageContext, 'onRetry' | 'onDiscard'>;
  #context: MessageContext | null = null;
  #look: Look;
  #words = '';
  #typingTold = '';
  #wasUp = false;

  constructor(root: ShadowRoot, look: Look, events: ViewEvents) {
    this.#look = look;
    this.#actions = {
      onRetry: (key) => this.#goOn(() => events.onRetry(key)),
      onDiscard: (key) => this.#goOn(() => events.onDiscard(key)),
    };
    this.#launcher = new Launcher(events.onToggle);
    this.#status = new StatusLine(() => this.#goOn(events.onReconnect));
    this.#list = new MessageList(events.onEarlier);
    this.#composer = new Composer(events);
    this.#panel = new Panel(events.onClose, this.#status.element, this.#list.element, this.#composer.element);
    root.append(this.#panel.element, this.#launcher.element, this.#announcer.element);
    this.look = look;
  }

  get panel(): HTMLElement {
    return this.#panel.element;
  }

  set look(look: Look) {
    this.#look = look;
    this.#context = null;
    for (const part of [this.#panel, this.#list, this.#composer]) part.setTexts(look.texts);
  }

  /** Shows the panel, or the button alone. */
  showFrame(isOpen: boolean, unread: number): void {
    const { texts, isFloating } = this.#look;
    this.#panel.show(isFloating, isOpen);
    this.#launcher.element.hidden = !isFloating;
    this.#launcher.show(isOpen, unread, texts);
  }

  /** Shows the conversation as it is now. */
  showChat(chat: Chat | null): void {
    const { texts } = this.#look;
    const state = chat?.state ?? null;
    const snapshot = chat?.snapshot ?? EMPTY;
    const typing = this.#typingOf(chat);
    this.#status.show(state, chat?.waiting ?? 0, texts);
    this.#list.show({ ...snapshot, typing }, this.#contextOf(state !== null && isUp(state)));
    this.#composer.isAnswering = snapshot.status !== 'idle';
    this.#announceState(state);
    if (typing) this.#announceTyping(typing, snapshot.messages);
  }

  /** Says what has come; it has to be shown already. */
  announce(news: readonly ChatMessage[]): void {
    const { texts } = this.#look;
    for (const { key, role, state } of news) {
      const author = role === 'assistant' ? texts.assistant : texts.someone;
      const words = this.#list.spoken(key) || (state === 'failed' ? texts.noAnswer : '');
      this.#announcer.say(`${author}: ${words}`, texts.rest);
    }
  }

  /** Says what did not work, until something is written. */
  showProblem(words: string): void {
    this.#composer.problem = words;
  }

  /** Where one who comes here goes on; on a touch screen no keyboard jumps up. */
  focus(): void {
    if (matchMedia('(pointer: coarse)').matches) this.#panel.element.focus();
    else this.#composer.focus();
  }

  focusLauncher(): void {
    this.#launcher.element.focus();
  }

  toEnd(): void {
    this.#list.showEnd();
  }

  #goOn(act: () => void): void {
    act();
    this.#composer.focus();
  }

  #contextOf(isUp: boolean): MessageContext {
    if (this.#context?.isUp !== isUp) this.#context = { ...this.#look, ...this.#actions, isUp };
    return this.#context;
  }

  #typingOf(chat: Chat | null): string {
    const { texts } = this.#look;
    if (chat && isUp(chat.state) && chat.snapshot.status !== 'idle') return texts.assistantTyping;
    return chat?.isSomeoneTyping ? texts.someoneTyping : '';
  }

  /** Says once after each message that somebody types, however often that ends and begins. */
  #announceTyping(typing: string, messages: readonly ChatMessage[]): void {
    const last = messages.findLast(({ role }) => role === 'user')?.key ?? '';
    const told = `${typing} ${last}`;
    if (told === this.#typingTold) return;
    this.#typingTold = told;
    this.#announcer.say(typing);
  }

  /** Says how the connection is when that has changed; that it has come at first is nothing to tell. */
  #announceState(state: State | null): void {
    const { texts } = this.#look;
    const words = state ? wordsOf(state, texts) : '';
    if (words === this.#words) return;
    this.#words = words;
    const isConnected = state !== null && isUp(state);
    if (words) {
      if (state?.name !== 'connecting') this.#announcer.say(words);
    } else if (isConnected && this.#wasUp) this.#announcer.say(texts.back);
    this.#wasUp ||= isConnected;
  }
}
