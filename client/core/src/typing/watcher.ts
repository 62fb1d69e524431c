import type { RoomEvent } from '../protocol/frames.js';

/** Who types in a room now: users' ids, and `assistant` for the AI. */
export interface Typing {
  room: string;
  users: readonly string[];
}

/** A gateway that dies ends nobody's typing: it is over after this long, in milliseconds. */
const OVER_MS = 4_000;

/** The AI, which types until its reply is there. */
const ASSISTANT = 'assistant';

/** Keeps who is typing. */
export class TypingWatcher {
  readonly #onChange: (typing: Typing) => void;
  readonly #rooms = new Map<string, Map<string, ReturnType<typeof setTimeout> | undefined>>();

  constructor(onChange: (typing: Typing) => void) {
    this.#onChange = onChange;
  }

  users(room: string): readonly string[] {
    return [...(this.#rooms.get(room)?.keys() ?? [])];
  }

  onEvent(event: RoomEvent): void {
    if (event.type === 'typing_indicator') {
      this.#set(event.room, event.data.user_id, event.data.is_typing);
    } else if (event.type === 'message') {
      this.#set(event.room, ASSISTANT, false);
    }
  }

  /** What is shown in the room may be over, or in all rooms. */
  clear(room?: string): void {
    for (const [name, users] of this.#rooms) {
      if ((room ?? name) === name) for (const user of users.keys()) this.#set(name, user, false);
    }
  }

  #set(room: string, user: string, isTyping: boolean): void {
    const users = this.#rooms.get(room) ?? new Map<string, ReturnType<typeof setTimeout> | undefined>();
    this.#rooms.set(room, users);
    clearTimeout(users.get(user));
    const was = users.delete(user);
    if (isTyping) {
      users.set(user, user === ASSISTANT ? undefined : setTimeout(() => this.#set(room, user, false), OVER_MS));
    }
    if (was !== isTyping) this.#onChange({ room, users: [...users.keys()] });
  }
}
