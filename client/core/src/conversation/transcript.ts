import { CauserieError } from '../errors.js';
import type { Entry } from '../outbox/entry.js';
import type { DurableEvent, MessageEvent, NewMessageEvent, RoomEvent } from '../protocol/frames.js';
import type { Reply } from '../rooms/replies.js';
import { type ChatMessage, ofEntry, ofGrowing, ofPerson, ofReply, unchanged } from './message.js';
import { OwnMessages } from './own.js';

/** What a transcript has to know of what is around it. */
export interface Around {
  /** Who one is, where that is known. */
  userId(): string | undefined;
  /** Whether what is said there belongs to it. */
  isMine(room: string, sessionId: string | undefined): boolean;
  /** One's own messages that are not stored, as far as one knows. */
  waiting(): readonly Entry[];
}

/** What the log has of a conversation, and the replies that grow. */
export class Transcript {
  readonly #around: Around;
  readonly #own = new OwnMessages();
  /** By the server's ids, as the rest. */
  #stored = new Map<string, ChatMessage>();
  readonly #replies = new Map<string, ChatMessage>();
  /** Own questions that are stored, and whose replies have not begun. */
  readonly #asked = new Set<string>();
  /** Own messages of which only the ack has come, and in which life of the log each is stored. */
  readonly #unseen = new Map<string, string>();
  /** What was deleted is not shown, however it comes. */
  readonly #deleted = new Set<string>();
  /** Why replies have failed that are about to end so. */
  readonly #errors = new Map<string, CauserieError>();

  constructor(around: Around) {
    this.#around = around;
  }

  get messages(): ChatMessage[] {
    return [...this.#stored.values(), ...this.#replies.values()];
  }

  get isEmpty(): boolean {
    return !this.#stored.size;
  }

  /** Replies that grow. */
  get streaming(): string[] {
    return [...this.#replies].filter(([, { state }]) => state === 'streaming').map(([id]) => id);
  }

  /** Questions whose replies have not begun. */
  get asked(): string[] {
    return [...this.#asked];
  }

  /** The last place in the log that is known. */
  get newest(): number {
    return Math.max(0, ...[...this.#stored.values()].map(({ seq = 0 }) => seq));
  }

  has(messageId: string | undefined): boolean {
    return this.#stored.has(messageId ?? '');
  }

  /** Whether the outbox's entry is shown as a stored message. */
  hasEntry(entryId: string): boolean {
    return this.#own.isStored(entryId);
  }

  /** Whether what is shown has changed. */
  onEvent(event: RoomEvent): boolean {
    switch (event.type) {
      case 'new_message':
      case 'message':
      case 'message_deleted':
        this.#store(event, this.#stored);
        return true;
      case 'ai_processing_error': {
        const { message_id, code, canRetry } = event.data;
        this.#errors.set(message_id, new CauserieError(code, 'The reply has failed.', { canRetry }));
      }
    }
    return false;
  }

  /** A reply grows, or is lost: it as it was, and as it is. How it has ended the log tells. */
  onReply(reply: Reply): [ChatMessage | undefined, ChatMessage | undefined] {
    const known = this.#replies.get(reply.messageId);
    if (this.#deleted.has(reply.messageId) || reply.state === 'done') return [known, known];
    const now = ofGrowing(reply, known?.at ?? Date.now());
    this.#replies.set(reply.messageId, now);
    this.#asked.delete(reply.inReplyTo ?? '');
    return [known, now];
  }

  /** Listening begins: what was asked before may have been answered since. */
  begin(replies: readonly Reply[]): void {
    this.#asked.clear();
    this.#unseen.clear();
    this.#setReplies(replies);
  }

  /** The end of the log was read anew, in this life of it: there is no more than these events, and what came after. */
  reset(replies: readonly Reply[], events: readonly DurableEvent[], epoch: string): void {
    this.#setReplies(replies);
    this.#replace(events, ({ id = '' }) => this.#unseen.get(id) === epoch);
    for (const id of this.#asked) if (!this.#stored.has(id)) this.#asked.delete(id);
  }

  /** The replies that grow are these, and no other. */
  #setReplies(replies: readonly Reply[]): void {
    const ids = new Set(replies.map(({ messageId }) => messageId));
    for (const id of [...this.#replies.keys()]) if (!ids.has(id)) this.#replies.delete(id);
    for (const reply of replies) if (this.#around.isMine(reply.room, reply.sessionId)) this.onReply(reply);
  }

  /** A message of one's own is stored. */
  onSent(entry: Entry): void {
    const { id, data, ack } = entry;
    if (!ack) return;
    const { message_id, epoch } = ack;
    const guessed = this.#stored.get(this.#own.onAck(id, message_id) ?? '');
    // What was taken for it is another's, from another device.
    if (guessed?.id) this.#stored.set(guessed.id, { ...guessed, key: guessed.id });
    if (this.#deleted.has(message_id)) return;
    const stored = this.#stored.get(message_id);
    const now = stored ? unchanged(stored, { ...stored, key: id }) : ofEntry(entry, this.#around.userId());
    this.#stored.set(message_id, now);
    if (!stored) this.#unseen.set(message_id, epoch);
    if (data.ai !== false && !this.messages.some(({ inReplyTo }) => inReplyTo === message_id)) this.#asked.add(message_id);
  }

  /** A message of one's own was stored, and is not any more. */
  onLost(entryId: string): void {
    this.#own.forget(entryId);
  }

  /** All up to the end of these is as they tell. */
  takeNewest(events: readonly DurableEvent[]): void {
    const last = events.at(-1)?.seq ?? 0;
    this.#replace(events, ({ seq = 0 }) => seq > last);
  }

  #replace(events: readonly DurableEvent[], stays: (message: ChatMessage) => boolean): void {
    const known = this.#stored;
    this.#stored = new Map([...known].filter(([, message]) => stays(message)));
    for (const event of events) this.#store(event, known);
  }

  /** What was said before. */
  takeOlder(events: readonly DurableEvent[]): void {
    for (const event of events) this.#store(event, this.#stored);
  }

  /** What was `known` and has not changed stays the same object. */
  #store(event: DurableEvent, known: ReadonlyMap<string, ChatMessage>): void {
    if (event.type === 'message_deleted') return this.#delete(event.data.message_id);
    // Servers publish events with types of their own.
    if (event.type !== 'message' && event.type !== 'new_message') return;
    const { message_id, session_id } = event.data;
    if (this.#deleted.has(message_id) || !this.#around.isMine(event.room, session_id)) return;
    const now = event.type === 'message' ? this.#endReply(event) : this.#ofPerson(event);
    const was = known.get(message_id);
    const isAsWas = was?.key === now.key && was.seq === now.seq && was.at === now.at && was.text === now.text;
    this.#stored.set(message_id, isAsWas ? was : now);
  }

  #ofPerson(event: NewMessageEvent): ChatMessage {
    const { message_id, user_id } = event.data;
    this.#unseen.delete(message_id);
    const isOwn = user_id === this.#around.userId();
    if (isOwn) this.#own.onStored(event, this.#around.waiting());
    return ofPerson(event, this.#own.keyOf(message_id), isOwn);
  }

  #endReply(event: MessageEvent): ChatMessage {
    const { message_id, in_reply_to } = event.data;
    const error = this.#errors.get(message_id);
    this.#errors.delete(message_id);
    this.#replies.delete(message_id);
    this.#asked.delete(in_reply_to);
    return ofReply(event, error);
  }

  /** In the place of what is gone already the log names none. */
  #delete(messageId: string | undefined): void {
    if (messageId === undefined) return;
    this.#deleted.add(messageId);
    this.#stored.delete(messageId);
    this.#unseen.delete(messageId);
    this.#replies.delete(messageId);
    this.#asked.delete(messageId);
  }
}
