import type { RoomEvent } from '../protocol/frames.js';
import type { Reply as Whole } from '../protocol/generated/types.js';

/** A reply as far as it is known. Each change of it makes a new object. */
export interface Reply {
  readonly messageId: string;
  readonly room: string;
  readonly sessionId: string | undefined;
  /** The question, where what the reply began with named it. */
  readonly inReplyTo: string | undefined;
  readonly attempt: number;
  readonly text: string;
  /** `lost`: it has ended, and how is not known here: read the room's history. */
  readonly state: 'running' | 'done' | 'lost';
  /** The whole reply, once it is `done`. */
  readonly message?: Whole;
}

interface Growing {
  reply: Reply;
  /** The index that follows what there is. */
  next: number;
  /** Later pieces, which came before it. */
  held: Map<number, string>;
}

/** Replies that have ended and are remembered, so that what comes late makes no new one of them. */
const REMEMBERED = 200;

/** Pieces that are held back for one that is missing. */
const MOST_HELD = 256;

/** Puts replies together. */
export class Replies {
  readonly #onChange: (reply: Reply) => void;
  readonly #running = new Map<string, Growing>();
  readonly #ended = new Set<string>();

  constructor(onChange: (reply: Reply) => void) {
    this.#onChange = onChange;
  }

  /** Those that are being made. */
  get running(): Reply[] {
    return [...this.#running.values()].map(({ reply }) => reply);
  }

  onEvent(event: RoomEvent): void {
    const { room } = event;
    switch (event.type) {
      case 'ai_processing_start':
      case 'message_restart':
        return void this.#of(room, event.data);
      case 'message_delta':
      case 'message_snapshot': {
        const growing = this.#of(room, event.data);
        if (!growing) return;
        const { index, text } = event.data;
        if (event.type === 'message_delta') return this.#grow(growing, index, text);
        // All that is held comes after it, or is in it.
        growing.next = index + 1;
        return this.#append(growing, text);
      }
      case 'message':
        return this.#end(room, event.data);
    }
  }

  /** Those of the room have ended, unless a snapshot follows. */
  lose(room: string): void {
    for (const [id, { reply }] of this.#running) {
      if (reply.room !== room) continue;
      this.#running.delete(id);
      this.#onChange({ ...reply, state: 'lost' });
    }
  }

  /** The reply that `data` is about, begun where there is none; `null` if it is of the past. */
  #of(
    room: string,
    data: { message_id: string; attempt: number; session_id?: string; in_reply_to?: string },
  ): Growing | null {
    const { message_id, attempt, session_id, in_reply_to } = data;
    if (this.#ended.has(message_id)) return null;
    const growing = this.#running.get(message_id);
    if (growing && attempt <= growing.reply.attempt) return attempt < growing.reply.attempt ? null : growing;
    const sessionId = session_id ?? growing?.reply.sessionId;
    const inReplyTo = in_reply_to ?? growing?.reply.inReplyTo;
    const reply: Reply = { messageId: message_id, room, sessionId, inReplyTo, attempt, text: '', state: 'running' };
    const begun: Growing = { reply, next: 0, held: new Map() };
    this.#running.set(message_id, begun);
    this.#onChange(reply);
    return begun;
  }

  #grow(growing: Growing, index: number, text: string): void {
    if (index < growing.next) return;
    // Past a hole what there is stays, until the missing piece, a snapshot or the whole comes.
    if (index === growing.next || growing.held.size < MOST_HELD) growing.held.set(index, text);
    this.#append(growing, growing.reply.text);
  }

  /** Shows `text`, and what is held that follows. */
  #append(growing: Growing, text: string): void {
    for (const index of growing.held.keys()) if (index < growing.next) growing.held.delete(index);
    for (let piece; (piece = growing.held.get(growing.next)) !== undefined; growing.next += 1) {
      growing.held.delete(growing.next);
      text += piece;
    }
    if (text === growing.reply.text) return;
    growing.reply = { ...growing.reply, text };
    this.#onChange(growing.reply);
  }

  #end(room: string, message: Whole): void {
    const { message_id, session_id, in_reply_to, content, metadata } = message;
    this.#running.delete(message_id);
    this.#ended.add(message_id);
    if (this.#ended.size > REMEMBERED) {
      const [oldest] = this.#ended;
      this.#ended.delete(oldest as string);
    }
    this.#onChange({
      messageId: message_id,
      room,
      sessionId: session_id,
      inReplyTo: in_reply_to,
      attempt: metadata.attempt,
      text: content,
      state: 'done',
      message,
    });
  }
}
