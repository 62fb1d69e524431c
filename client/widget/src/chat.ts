import { type Client, type ClientEvents, connect, type State } from '@causerie/client';
import { Conversation, type Snapshot } from '@causerie/client/conversation';
import { Memory } from './memory.js';
import type { Settings } from './settings.js';

/** What a chat tells. */
export interface ChatEvents {
  /** Something that is shown has changed. */
  onChange(): void;
  onError(error: ClientEvents['error']): void;
}

/** One conversation with one server, from its beginning to its end. */
export class Chat {
  readonly client: Client;
  readonly conversation: Conversation;
  readonly memory: Memory;
  readonly #room: string;
  readonly #ends: (() => void)[];

  /** @throws {TypeError} naming an option that is wrong. */
  constructor({ options, room, sessionId, memory }: Settings, { onChange, onError }: ChatEvents) {
    this.#room = room;
    this.memory = new Memory(memory);
    this.client = connect(options);
    this.conversation = new Conversation(this.client, { room, sessionId });
    this.#ends = [
      this.client.on('state', onChange),
      this.client.on('typing', onChange),
      this.client.on('error', onError),
      this.conversation.subscribe(onChange),
    ];
  }

  /** Whether this chat was opened before, in this browser. */
  static wasUsed({ memory }: Settings): boolean {
    return new Memory(memory).readAt > 0;
  }

  get state(): State {
    return this.client.state;
  }

  get snapshot(): Snapshot {
    return this.conversation.snapshot;
  }

  /** How many of one's own messages wait for the connection. */
  get waiting(): number {
    return this.snapshot.messages.filter(({ state }) => state === 'queued').length;
  }

  /** Whether somebody writes who is no machine, and not oneself. */
  get isSomeoneTyping(): boolean {
    const own = this.client.ready?.user_id;
    return this.client.typists(this.#room).some((user) => user !== 'assistant' && user !== own);
  }

  onType(isEmpty: boolean): void {
    if (isEmpty) this.client.stopTyping(this.#room);
    else this.client.typing(this.#room);
  }

  end(): void {
    for (const end of this.#ends) end();
    this.client.close();
  }
}
