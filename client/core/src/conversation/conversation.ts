import type { Client, SendOptions, Sending } from '../api.js';
import type { CauserieError } from '../errors.js';
import type { Entry } from '../outbox/entry.js';
import type { Reply } from '../rooms/replies.js';
import type { Reset } from '../rooms/rooms.js';
import { holdRoom, nameOf } from './hold.js';
import { type ChatMessage, ofEntry, unchanged } from './message.js';
import { inOrder } from './order.js';
import { Transcript } from './transcript.js';

/** As much of a client as is needed. */
export type Talking = Pick<
  Client,
  'ready' | 'rooms' | 'replies' | 'outbox' | 'on' | 'send' | 'cancel' | 'history' | 'join' | 'leave'
>;

export interface ConversationOptions {
  /** Where it is held; one's own room if left out. Another one is joined while somebody subscribes. */
  room?: string | undefined;
  /** Which conversation of the room. Left out: all that is said there is shown, and what is sent belongs to `main`. */
  sessionId?: string | undefined;
}

/** What is shown of a conversation. As long as nothing changes it is the same object. */
export interface Snapshot {
  /** In order. The array is new when something in it is. */
  readonly messages: readonly ChatMessage[];
  /** `waiting`: something was asked here, and the reply has not begun. `streaming`: a reply grows. */
  readonly status: 'idle' | 'waiting' | 'streaming';
  /** Whether the room's log has older events. */
  readonly hasOlder: boolean;
  /** Whether the log is being read, or will be as soon as there is a connection. */
  readonly isLoading: boolean;
  /** Why the room could not be joined or read. */
  readonly error: CauserieError | undefined;
}

/** What is shown before anything is known. */
export const EMPTY: Snapshot = { messages: [], status: 'idle', hasOlder: false, isLoading: true, error: undefined };

/** How many events are read at once. */
const PAGE = 50;

/** For messages of one session among others' no more pages are read at a time. */
const MOST_PAGES = 10;

/** The session of what is sent where none was named. */
const MAIN = 'main';

/**
 * One conversation: what the log has, what is being answered, and what one has written that is not
 * stored yet, as one list. It listens to its client while somebody has subscribed.
 */
export class Conversation {
  readonly #client: Talking;
  readonly #room: string;
  readonly #sessionId: string | undefined;
  readonly #listeners = new Set<() => void>();
  #snapshot = EMPTY;
  /** Ends the listening; null while nobody has subscribed. */
  #end: (() => void) | null = null;

  readonly #transcript: Transcript;
  /** What waits in the outbox or has failed. */
  #waiting: readonly Entry[] = [];
  /** What a full outbox has dropped: it is shown as failed. */
  readonly #dropped = new Map<string, Entry>();
  /** The `seq` after which what has failed is shown. */
  readonly #failedAfter = new Map<string, number>();

  /** The first `seq` that was read; none yet. */
  #oldest: number | undefined;
  #hasOlder = false;
  #isLoading = true;
  #error: CauserieError | undefined;
  /** What was read for an earlier one is void. */
  #turn = 0;

  constructor(client: Talking, { room = 'user:me', sessionId }: ConversationOptions = {}) {
    this.#client = client;
    this.#room = room;
    this.#sessionId = sessionId;
    this.#transcript = new Transcript({
      userId: () => client.ready?.user_id,
      isMine: (where, session) => this.#isMine(where, session),
      waiting: () => this.#waiting,
    });
  }

  /** What is shown now. */
  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** Tells when `snapshot` is another; the function that is returned stops it. */
  readonly subscribe = (listener: () => void): (() => void) => {
    // The same function may be given twice.
    const own = () => listener();
    this.#listeners.add(own);
    this.#end ??= this.#begin();
    return () => {
      this.#listeners.delete(own);
      // Who subscribes again at once has missed nothing.
      queueMicrotask(() => {
        if (this.#listeners.size) return;
        this.#end?.();
        this.#end = null;
      });
    };
  };

  /**
   * Sends a message. It is in the list at once.
   *
   * @throws {CauserieError} as `Client.send` does
   */
  send(text: string, options: Omit<SendOptions, 'room' | 'sessionId'> = {}): Sending {
    return this.#client.send(text, { ...options, room: this.#room, sessionId: this.#sessionId ?? MAIN });
  }

  /** Sends what has failed once more: the one of this key, or all. */
  retry(key?: string): void {
    for (const { id, state } of this.#waiting) {
      if (state === 'failed' && (key === undefined || key === id)) this.#client.outbox.retry(id);
    }
    for (const [id, { data }] of [...this.#dropped]) {
      if (key !== undefined && key !== id) continue;
      this.#client.send(data.user_input, optionsOf(data));
      this.#dropped.delete(id);
    }
    this.#show();
  }

  /**
   * Ends the reply of this key, or the one to the question of this key; takes back what is not stored.
   * Without a key, ends whatever is being answered.
   */
  async cancel(key?: string): Promise<void> {
    if (key === undefined) {
      const { streaming, asked } = this.#transcript;
      await Promise.all([...streaming, ...asked].map((id) => this.#cancelReply(id)));
    } else if (this.#dropped.delete(key)) {
      this.#show();
    } else if (this.#waiting.some(({ id }) => id === key)) {
      this.#client.outbox.clear(key);
    } else {
      const id = this.#snapshot.messages.find((message) => message.key === key)?.id;
      if (id !== undefined) await this.#cancelReply(id);
    }
  }

  /** Reads what was said before, if there is anything; also what could not be read at first. */
  async loadOlder(): Promise<void> {
    if (!this.#isLoading && this.#hasOlder) await this.#read();
  }

  // ---------------------------------------------------------------- listening

  #begin(): () => void {
    const client = this.#client;
    const ends = [
      client.on('event', (event) => this.#isHere(event.room) && this.#transcript.onEvent(event) && this.#onStored()),
      client.on('reset', (reset) => this.#isHere(reset.room) && this.#onReset(reset)),
      client.on('reply', (reply) => this.#isMine(reply.room, reply.sessionId) && this.#onReply(reply)),
      client.on('outbox', (entry) => this.#isMine(roomOf(entry), entry.data.session_id) && this.#onEntry(entry)),
      client.on('room', ({ room, isJoined, error }) => error && this.#isHere(room) && this.#onFailure(error, isJoined)),
      holdRoom(client, this.#room),
    ];
    this.#transcript.begin(client.replies);
    this.#oldest = undefined;
    this.#error = undefined;
    this.#isLoading = true;
    this.#syncWaiting();
    this.#show();
    // Else the client reads it when it has joined, and tells so by `reset`.
    if (client.rooms.includes(nameOf(client, this.#room))) void this.#read();
    return () => {
      this.#turn += 1;
      for (const end of ends) end();
    };
  }

  #isHere(room: string): boolean {
    return nameOf(this.#client, room) === nameOf(this.#client, this.#room);
  }

  #isMine(room: string, sessionId: string | undefined): boolean {
    return this.#isHere(room) && (this.#sessionId === undefined || sessionId === this.#sessionId);
  }

  #onReset({ events, epoch, hasMore }: Reset): void {
    this.#turn += 1;
    this.#oldest = undefined;
    this.#transcript.reset(this.#client.replies, events, epoch);
    this.#onNewest();
    this.#onPage(events[0]?.seq, hasMore);
    // Of one session among many there may be nothing in it.
    if (events.length && hasMore && this.#transcript.isEmpty) void this.#read();
    else this.#onRead();
  }

  #onStored(): void {
    this.#syncWaiting();
    this.#show();
  }

  #onReply(reply: Reply): void {
    const [was, now] = this.#transcript.onReply(reply);
    if (was && now && was.state === now.state && was.inReplyTo === now.inReplyTo) this.#replace(was, now);
    else this.#show();
  }

  #onEntry(entry: Entry): void {
    const { id, state, ack, error } = entry;
    // What the server has lost comes into the outbox as it was, before it is `failed`.
    const isBack = this.#client.outbox.entries.some((other) => other.id === id);
    if (state === 'sent' && !isBack) this.#transcript.onSent(entry);
    if (state === 'failed' && ack) this.#transcript.onLost(id);
    if (state === 'gone' && error?.code === 'dropped') this.#dropped.set(id, entry);
    this.#syncWaiting();
    this.#show();
  }

  #syncWaiting(): void {
    const { outbox } = this.#client;
    this.#waiting = outbox.entries.filter((entry) => this.#isMine(roomOf(entry), entry.data.session_id));
    for (const { id, state } of [...this.#waiting, ...this.#dropped.values()]) {
      if (state === 'queued' || state === 'sending') this.#failedAfter.delete(id);
      else if (!this.#failedAfter.has(id)) this.#failedAfter.set(id, this.#transcript.newest);
    }
  }

  // ------------------------------------------------------------------ reading

  /** What stands before `#oldest`, or the end of the log where nothing of it was read. */
  async #read(): Promise<void> {
    const turn = ++this.#turn;
    this.#isLoading = true;
    this.#error = undefined;
    this.#show();
    try {
      for (let page = 0, isFound = false; page < MOST_PAGES && !isFound; page += 1) {
        const before = this.#oldest;
        const range = before === undefined ? { limit: PAGE } : { before, limit: PAGE };
        const { events, hasMore } = await this.#client.history(this.#room, range);
        if (turn !== this.#turn) return;
        if (before === undefined) {
          this.#transcript.takeNewest(events);
          this.#onNewest();
        } else this.#transcript.takeOlder(events);
        this.#onPage(events[0]?.seq, hasMore);
        isFound = !hasMore || events.some(({ data }) => this.#transcript.has(data.message_id));
      }
      this.#onRead();
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#onFailure(error as CauserieError, true);
    }
  }

  /** What has failed was written after what was read, as far as one knows. */
  #onNewest(): void {
    this.#failedAfter.clear();
  }

  #onPage(oldest: number | undefined, hasMore: boolean): void {
    this.#oldest = oldest ?? this.#oldest;
    this.#hasOlder = hasMore;
  }

  #onRead(): void {
    this.#isLoading = false;
    this.#error = undefined;
    this.#syncWaiting();
    this.#show();
  }

  /** `canRead`: what could not be read may be by `loadOlder`. */
  #onFailure(error: CauserieError, canRead: boolean): void {
    this.#isLoading = false;
    this.#hasOlder ||= canRead;
    this.#error = error;
    this.#show();
  }

  #cancelReply(messageId: string): Promise<void> {
    return this.#client.cancel(messageId).catch((error: CauserieError) => {
      // It has ended meanwhile.
      if (error.code !== 'not_found') throw error;
    });
  }

  // ------------------------------------------------------------------ showing

  /** A reply has grown: nothing has moved. */
  #replace(was: ChatMessage, now: ChatMessage): void {
    const messages = this.#snapshot.messages.map((message) => (message === was ? now : message));
    this.#tell({ ...this.#snapshot, messages });
  }

  #show(): void {
    const { messages: shown } = this.#snapshot;
    const { messages: stored, streaming, asked } = this.#transcript;
    const own = [...this.#waiting, ...this.#dropped.values()]
      .filter(({ id }) => !this.#transcript.hasEntry(id))
      .map((entry) => {
        const was = shown.find(({ key }) => key === entry.id);
        return unchanged(was, ofEntry(entry, this.#client.ready?.user_id));
      });
    const messages = inOrder([...stored, ...own], this.#failedAfter);
    this.#tell({
      messages: isSame(messages, shown) ? shown : messages,
      status: streaming.length ? 'streaming' : asked.length ? 'waiting' : 'idle',
      hasOlder: this.#hasOlder,
      isLoading: this.#isLoading,
      error: this.#error,
    });
  }

  #tell(snapshot: Snapshot): void {
    if (unchanged(this.#snapshot, snapshot) === this.#snapshot) return;
    this.#snapshot = snapshot;
    for (const listener of [...this.#listeners]) listener();
  }
}

function isSame(some: readonly unknown[], others: readonly unknown[]): boolean {
  return some.length === others.length && some.every((one, at) => one === others[at]);
}

function roomOf({ data: { room, project_id } }: Entry): string {
  return room ?? (project_id ? `project:${project_id}` : 'user:me');
}

function optionsOf({ room, session_id, ai, if_busy, conversation_context, metadata }: Entry['data']): SendOptions {
  const options = { room, sessionId: session_id, ai, ifBusy: if_busy, context: conversation_context, metadata };
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
