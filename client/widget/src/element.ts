import type { Client, GetToken, State } from '@causerie/client';
import type { ChatMessage } from '@causerie/client/conversation';
import { type ClientConfig, clientConfig } from '@causerie/client/rollout';
import { Chat } from './chat.js';
import { countUnread, News } from './news.js';
import { CONNECTION_ATTRIBUTES, oneOf, type Settings, settingsOf } from './settings.js';
import css from './styles.css';
import { type Texts, textsFrom } from './texts.js';
import { type Look, View } from './view/view.js';
import { followViewport } from './view/viewport.js';

/** What the element tells, as `CustomEvent`s that do not bubble. */
export interface ChatEventMap {
  'chat-open': CustomEvent<null>;
  'chat-close': CustomEvent<null>;
  /** The connection's state has changed. */
  'chat-state': CustomEvent<State>;
  /** The server's advice has come, before there is a connection; only of `mode="advised"`. */
  'chat-advice': CustomEvent<ClientConfig>;
  /** How many messages are unread. */
  'chat-unread': CustomEvent<{ count: number }>;
  /** Somebody else, or the assistant, has said something. */
  'chat-message': CustomEvent<ChatMessage>;
  'chat-error': CustomEvent<unknown>;
}

let sheet: CSSStyleSheet | undefined;

/** A sheet of its own for all elements: where a page forbids styles in its HTML, this is none. */
function styles(): CSSStyleSheet {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
  }
  return sheet;
}

/** `<causerie-chat>`: a chat for any page. */
export class CauserieChat extends HTMLElement {
  static readonly observedAttributes = [...CONNECTION_ATTRIBUTES, 'open', 'eager', 'layout', 'images', 'heading', 'texts'];

  readonly #view: View;
  #getToken: GetToken | undefined;
  #texts: Partial<Texts> | null = null;
  #chat: Chat | null = null;
  /** The question for advice whose answer is waited for before there is a chat. */
  #question: object | null = null;
  #advice: ClientConfig | null = null;
  /** What was sent meanwhile. */
  #early: string[] = [];
  #news = new News();
  #unread = 0;
  #state: State | null = null;
  /** What is announced is shown first, which a page in the background does not do. */
  #toAnnounce: ChatMessage[] = [];
  #isFrameAsked = false;
  #isUpdateAsked = false;
  #isRestartAsked = false;
  #onGone: AbortController | null = null;

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    root.adoptedStyleSheets = [styles()];
    this.#view = new View(root, { texts: textsFrom(null), images: false, isFloating: true }, {
      onToggle: () => (this.open ? this.hide() : this.show()),
      onClose: () => this.hide(),
      onSend: (text) => this.send(text),
      onStop: () => this.#attempt(this.#chat?.conversation.cancel()),
      onType: (isEmpty) => this.#chat?.onType(isEmpty),
      onEarlier: () => this.#attempt(this.#chat?.conversation.loadOlder()),
      onReconnect: () => this.#chat?.client.reconnect(),
      onRetry: (key) => this.#chat?.conversation.retry(key),
      onDiscard: (key) => this.#attempt(this.#chat?.conversation.cancel(key)),
    });
  }

  // ---------------------------------------------------------- for the page

  /** Gives the person's token, made by the page's own server; without it the person is a visitor. */
  get getToken(): GetToken | undefined {
    return this.#getToken;
  }

  set getToken(getToken: GetToken | undefined) {
    this.#getToken = getToken;
    this.#ask(true);
  }

  /** Words in place of the widget's own. */
  get texts(): Partial<Texts> | null {
    return this.#texts;
  }

  set texts(texts: Partial<Texts> | null) {
    this.#texts = texts;
    this.#ask();
  }

  get open(): boolean {
    return this.hasAttribute('open');
  }

  set open(isOpen: boolean) {
    this.toggleAttribute('open', isOpen);
  }

  /** How many messages of others came that were not seen. */
  get unread(): number {
    return this.#unread;
  }

  /** The client beneath; null while there is none. */
  get client(): Client | null {
    return this.#chat?.client ?? null;
  }

  /** What the server advised, its flags among it; null where it was not asked, or has not answered yet. */
  get advice(): ClientConfig | null {
    return this.#advice;
  }

  /** Opens the chat, and puts the focus there. */
  show(): void {
    this.open = true;
    this.#update();
    this.#view.toEnd();
    this.#view.focus();
  }

  /** Closes the chat, and puts the focus where it was opened. */
  hide(): void {
    if (!this.open) return;
    const hadFocus = this.shadowRoot?.activeElement != null;
    this.open = false;
    this.#update();
    if (hadFocus) this.#view.focusLauncher();
  }

  override focus(): void {
    if (this.#isShown) this.#view.focus();
    else this.#view.focusLauncher();
  }

  /**
   * Sends a message in the person's name.
   *
   * @throws {Error} where it is empty or too long, too many wait already, or there is nobody to send it to.
   */
  send(text: string): void {
    // What begins anew forgets what was said before.
    if (this.#isUpdateAsked) this.#update();
    this.#start();
    const { tooLong } = this.#look().texts;
    if (this.#question) return void this.#early.push(text);
    if (!this.#chat) throw new Error('It has to stand in the page, with `url`, and `tenant-hash` or `getToken`.');
    try {
      this.#chat.conversation.send(text).acked.catch(() => {});
    } catch (error) {
      throw (error as { code?: string }).code === 'message_too_large' ? new Error(tooLong, { cause: error }) : error;
    }
  }

  // ------------------------------------------------------------ life cycle

  connectedCallback(): void {
    for (const name of ['getToken', 'texts', 'open'] as const) this.#takeOver(name);
    const { signal } = (this.#onGone = new AbortController());
    const look = () => this.#onChange();
    document.addEventListener('visibilitychange', look, { signal });
    // Another tab has read it.
    window.addEventListener('storage', look, { signal });
    followViewport(this.#view.panel, signal);
    this.#ask();
  }

  disconnectedCallback(): void {
    this.#onGone?.abort();
    // One that is only moved stays as it is.
    queueMicrotask(() => !this.isConnected && this.#end());
  }

  attributeChangedCallback(name: string, old: string | null, value: string | null): void {
    if (old === value) return;
    if (name === 'open') this.dispatchEvent(new CustomEvent(value === null ? 'chat-close' : 'chat-open'));
    this.#ask((CONNECTION_ATTRIBUTES as readonly string[]).includes(name));
  }

  /** What was set before there was this class. */
  #takeOver(name: 'getToken' | 'texts' | 'open'): void {
    if (!Object.hasOwn(this, name)) return;
    const value = this[name];
    delete this[name];
    (this as Record<typeof name, unknown>)[name] = value;
  }

  /** What is set at once takes effect at once, after the last of it. */
  #ask(isRestart = false): void {
    this.#isRestartAsked ||= isRestart;
    if (this.#isUpdateAsked) return;
    this.#isUpdateAsked = true;
    queueMicrotask(() => {
      // Without a page it is asked for again as soon as there is one.
      if (!this.isConnected) this.#isUpdateAsked = false;
      else if (this.#isUpdateAsked) this.#update();
    });
  }

  #update(): void {
    this.#isUpdateAsked = false;
    try {
      if (this.#isRestartAsked) this.#end();
      this.#view.look = this.#look();
      if (this.#isWanted()) this.#start();
    } catch (error) {
      // An attribute is wrong, which whoever wrote the page should see.
      reportError(error);
    }
    this.#onChange();
    this.#render();
  }

  get #isShown(): boolean {
    return this.open || this.getAttribute('layout') === 'inline';
  }

  /** Who never opens the chat costs the server nothing; who has used it is told what has come. */
  #isWanted(): boolean {
    if (this.open || this.hasAttribute('eager') || !this.#look().isFloating) return true;
    const settings = settingsOf(this, this.#getToken);
    return settings !== null && Chat.wasUsed(settings);
  }

  #start(): void {
    const settings = this.#chat || this.#question || !this.isConnected ? null : settingsOf(this, this.#getToken);
    if (settings?.isAdvised) void this.#beginAsAdvised(settings);
    else if (settings) this.#begin(settings);
  }

  async #beginAsAdvised(settings: Settings): Promise<void> {
    const own = (this.#question = {});
    const advice = await clientConfig(settings.options);
    // It has begun anew, or ended.
    if (this.#question !== own) return;
    this.#question = null;
    this.#advice = advice;
    this.#begin({ ...settings, options: { ...settings.options, mode: advice.mode } });
    this.#tell('chat-advice', advice);
    for (const text of this.#early.splice(0)) this.#attempt((async () => this.send(text))());
    this.#onChange();
  }

  #begin(settings: Settings): void {
    this.#news = new News();
    this.#chat = new Chat(settings, { onChange: () => this.#onChange(), onError: (error) => this.#onError(error) });
  }

  #end(): void {
    this.#isRestartAsked = false;
    this.#question = this.#advice = null;
    this.#early = [];
    this.#chat?.end();
    this.#chat = null;
  }

  // --------------------------------------------------------------- showing

  #look(): Look {
    const texts = textsFrom(this.#texts ?? this.getAttribute('texts'));
    const heading = this.getAttribute('heading');
    return {
      texts: heading ? { ...texts, heading } : texts,
      images: this.hasAttribute('images'),
      isFloating: oneOf(this, 'layout', ['floating', 'inline']) === 'floating',
    };
  }

  #onChange(): void {
    const chat = this.#chat;
    if (chat) {
      const { messages } = chat.snapshot;
      if (this.#isShown && !document.hidden) chat.memory.readAt = Math.max(1, ...messages.map(({ at, seq }) => (seq === undefined ? 0 : at)));
      this.#setUnread(countUnread(messages, chat.memory.readAt));
      const news = this.#news.take(chat.snapshot);
      this.#toAnnounce.push(...news);
      this.#onState(chat.state);
      for (const message of news) this.#tell('chat-message', message);
    }
    if (this.#isFrameAsked) return;
    this.#isFrameAsked = true;
    requestAnimationFrame(() => this.#render());
  }

  #render(): void {
    this.#isFrameAsked = false;
    this.#view.showFrame(this.open, this.#unread);
    this.#view.showChat(this.#chat);
    this.#view.announce(this.#toAnnounce.splice(0));
  }

  #setUnread(count: number): void {
    if (count === this.#unread) return;
    this.#unread = count;
    this.#tell('chat-unread', { count });
  }

  #onState(state: State): void {
    if (state === this.#state) return;
    this.#state = state;
    if ('transport' in state) this.dataset['chatMode'] = state.transport;
    this.#tell('chat-state', state);
  }

  #attempt(work: Promise<void> | undefined): void {
    work?.catch((error: unknown) => {
      this.#view.showProblem((error as Error).message);
      this.#onError(error);
    });
  }

  #onError(error: unknown): void {
    this.#tell('chat-error', error);
  }

  #tell(name: keyof ChatEventMap, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

export interface CauserieChat {
  addEventListener<Name extends keyof ChatEventMap>(
    name: Name,
    listener: (this: CauserieChat, event: ChatEventMap[Name]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(name: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
}
