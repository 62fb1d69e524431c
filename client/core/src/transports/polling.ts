import { CauserieError } from '../errors.js';
import type { ClientFrame, DurableEvent, ServerFrame } from '../protocol/frames.js';
import type { SendMessageAck } from '../protocol/generated/types.js';
import { Poster } from './poster.js';
import { endBy, type Server } from './server.js';
import { timeOf } from './streaming.js';
import type { Hearing, Link, Opening, Transport } from './transport.js';

/** How often is asked, in milliseconds: while a reply is awaited, soon after something came, and else. */
export interface Paces {
  awaitingMs: number;
  livelyMs: number;
  quietMs: number;
}

/** How many events are read at once. */
const PAGE = 500;

/** How long a room counts as lively, in milliseconds. */
const LIVELY_FOR_MS = 30_000;

/** A page of a room's log. */
export interface HistoryPage {
  epoch: string;
  events: DurableEvent[];
  has_more: boolean;
}

/** A reply, as `GET /api/messages/{id}` tells it. */
interface ReplySoFar {
  message_id: string;
  session_id: string;
  in_reply_to: string;
  room: string;
  state: 'queued' | 'running' | 'done';
  attempt: number;
  index: number;
  text: string;
}

interface Place {
  epoch: string;
  seq: number;
}

/**
 * Plain requests alone. Rooms are heard by asking for their history beyond a position, so that
 * whatever is said in them is heard, by whomever and on whichever way; and replies to what was
 * asked here are shown as they grow. What is not durable, as typing, is not heard.
 */
export function polling(server: Server, paces: Paces): Transport {
  return { name: 'http', open: (opening, hearing) => new PollingLink(server, paces, opening, hearing) };
}

class PollingLink implements Link {
  readonly transport = 'http';
  readonly canJoin = true;
  readonly canRenew = false;
  readonly #server: Server;
  readonly #paces: Paces;
  readonly #opening: Opening;
  #hearing: Hearing | null;
  readonly #poster: Poster;
  readonly #stop = new AbortController();
  /** Where each room is read from; null where nothing of it is known yet. */
  readonly #places = new Map<string, Place | null>();
  /** Own questions whose replies have not ended, with what was last shown of them. */
  readonly #awaited = new Map<string, string>();
  #isReady = false;
  #livelyUntil = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(server: Server, paces: Paces, opening: Opening, hearing: Hearing) {
    this.#server = server;
    this.#paces = paces;
    this.#opening = opening;
    this.#hearing = hearing;
    this.#poster = new Poster(server, opening.token, {
      onAnswer: (frame, asked) => this.#onAnswer(frame, asked),
      onFailure: (error) => this.#fail(error),
    });
    for (const named of opening.rooms) this.#name(named);
    for (const room of [`user:${opening.userId ?? 'me'}`, 'tenant']) {
      if (!this.#places.has(room)) this.#places.set(room, null);
    }
    void this.#poll();
  }

  send(frame: ClientFrame): void {
    if (frame.action === 'subscribe' && frame.data) {
      const { room, epoch, seq } = frame.data;
      this.#places.set(room, epoch && seq !== undefined ? { epoch, seq } : null);
      this.#answer(frame.id, { room });
      this.#soon();
    } else if (frame.action === 'unsubscribe' && frame.data) {
      this.#places.delete(frame.data.room);
      this.#hearing?.onFrame({ type: 'unsubscribed', room: frame.data.room });
      this.#answer(frame.id, { room: frame.data.room });
    } else {
      this.#poster.post(frame);
    }
  }

  ping(): Promise<number> {
    return timeOf(this.#server);
  }

  close(): void {
    this.#hearing = null;
    clearTimeout(this.#timer);
    this.#stop.abort();
    this.#poster.close();
  }

  #name(named: string): void {
    const [, room = named, epoch, seq] = /^(.*)@(.*):(\d+)$/.exec(named) ?? [];
    this.#places.set(room, epoch ? { epoch, seq: Number(seq) } : null);
  }

  #answer(id: string | undefined, data: unknown): void {
    if (id !== undefined) this.#hearing?.onFrame({ type: 'ack', id, data });
  }

  #onAnswer(frame: ServerFrame, asked: ClientFrame): void {
    if (frame.type === 'ack' && asked.action === 'sendMessage') {
      if (asked.data?.ai !== false) this.#awaited.set((frame.data as SendMessageAck).message_id, '');
      this.#soon();
    }
    this.#hearing?.onFrame(frame);
  }

  /** Asks before its time: something is known to be there. */
  #soon(): void {
    if (!this.#isReady) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#poll(), 50);
  }

  async #poll(): Promise<void> {
    try {
      for (const room of [...this.#places.keys()]) await this.#readRoom(room);
      this.#hearing?.onLife();
      for (const question of [...this.#awaited.keys()]) await this.#readReply(question);
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#fail(error as CauserieError);
      return;
    }
    if (!this.#hearing) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#poll(), this.#pace());
  }

  #pace(): number {
    if (this.#awaited.size) return this.#paces.awaitingMs;
    return Date.now() < this.#livelyUntil ? this.#paces.livelyMs : this.#paces.quietMs;
  }

  async #readRoom(room: string): Promise<void> {
    const place = this.#places.get(room);
    if (!place) return this.#begin(room, await this.#page(room, { limit: 1 }));
    const page = await this.#page(room, { after: place.seq, limit: PAGE });
    if (page.epoch !== place.epoch) {
      // Whether a position of a former life still holds only a stream could tell.
      return this.#begin(room, await this.#page(room, { limit: 1 }), false);
    }
    if (!this.#joined.has(room)) this.#subscribed(room, place, true);
    for (const event of page.events) this.#onEvent(event, place);
    if (page.has_more) await this.#readRoom(room);
  }

  /** Rooms that this connection has told of. */
  readonly #joined = new Set<string>();

  #begin(room: string, page: HistoryPage, isRecovered = true): void {
    const place = { epoch: page.epoch, seq: page.events.at(-1)?.seq ?? 0 };
    this.#places.set(room, place);
    this.#subscribed(room, place, isRecovered);
  }

  /** The first room's answer makes the connection ready: it shows that the server takes us. */
  #subscribed(room: string, { epoch, seq }: Place, recovered: boolean): void {
    if (!this.#isReady) this.#ready();
    this.#joined.add(room);
    this.#hearing?.onFrame({ type: 'subscribed', room, epoch, seq, recovered });
  }

  #onEvent(event: DurableEvent, place: Place): void {
    place.seq = event.seq;
    this.#livelyUntil = Date.now() + LIVELY_FOR_MS;
    if (event.type === 'message') this.#awaited.delete(event.data.in_reply_to);
    this.#hearing?.onFrame(event);
  }

  #page(room: string, asked: { after?: number; limit: number }): Promise<HistoryPage> {
    const query = new URLSearchParams(Object.entries(asked).map(([name, value]) => [name, String(value)]));
    return this.#get(`api/rooms/${encodeURIComponent(room)}/history`, query);
  }

  async #readReply(question: string): Promise<void> {
    let reply: ReplySoFar;
    try {
      reply = await this.#get(`api/messages/${encodeURIComponent(question)}`);
    } catch (error) {
      if ((error as CauserieError).code !== 'not_found') throw error;
      this.#awaited.delete(question);
      return;
    }
    const shown = `${reply.attempt}:${reply.index}`;
    if (reply.state !== 'running' || this.#awaited.get(question) === shown) return;
    this.#awaited.set(question, shown);
    const { message_id, session_id, in_reply_to, room, attempt, index, text } = reply;
    const data = { message_id, session_id, in_reply_to, attempt, index, text };
    this.#hearing?.onFrame({ ts: Date.now(), type: 'message_snapshot', room, data });
  }

  #get<T>(path: string, query = new URLSearchParams()): Promise<T> {
    const { token } = this.#opening;
    return this.#server.json<T>(path, { token, query, signal: this.#stop.signal });
  }

  #ready(): void {
    this.#isReady = true;
    const { userId = 'me' } = this.#opening;
    // What requests are not told; the limits are those of a server that was not configured.
    const unknown = { connection_id: '', tenant: '', node: '', server_time: Date.now() };
    const limits = { idle_timeout_ms: 0, max_message_bytes: 102_400, messages_per_minute: 60 };
    const data = { ...unknown, ...limits, user_id: userId, heartbeat_interval_ms: 2 * this.#paces.quietMs };
    this.#hearing?.onFrame({ type: 'ready', data });
  }

  #fail(error: CauserieError): void {
    const hearing = this.#hearing;
    this.close();
    hearing?.onEnd(endBy(error));
  }
}
