import type { CauserieError } from '../errors.js';
import type { DurableEvent, RoomEvent, SubscribedFrame } from '../protocol/frames.js';
import { isDurable } from '../protocol/frames.js';
import type { History } from '../api.js';
import type { RoomAt } from '../transports/transport.js';
import { type Anomalies, Sequence } from './sequence.js';

/** A room's events were read anew: they replace whatever is shown of it. */
export interface Reset {
  room: string;
  /** `joined`: for the first time. `lost`: some of what was missed cannot be told one by one. */
  reason: 'joined' | 'lost';
  /** The life of the room's log in which it was read. */
  epoch: string;
  /** The newest durable events, ascending; none where `historyLimit` is 0. */
  events: DurableEvent[];
  /** Whether there are older ones. */
  hasMore: boolean;
}

/** A room was joined or left; `error` says why, where it was not by wish; of one that is joined, why its history could not be read. */
export interface Membership {
  room: string;
  isJoined: boolean;
  error?: CauserieError | undefined;
}

export interface RoomsOptions {
  /** How many events of a room are read when it is joined, or when some of them were lost. */
  historyLimit: number;
}

export interface RoomsEvents {
  onEvent(event: RoomEvent): void;
  onReset(reset: Reset): void;
  onMembership(membership: Membership): void;
  /** Some of what the room said is lost: what it was saying has ended. */
  onLost(room: string): void;
  readHistory(room: string, range: { limit: number }): Promise<History>;
}

/** One room, as far as it is known. */
interface Place {
  epoch: string;
  sequence: Sequence;
  isJoined: boolean;
  /** Its history is to be read, for this reason. */
  toRead: Reset['reason'] | null;
  /** What came while it is being read. */
  held: RoomEvent[] | null;
}

/** A connection names no more rooms than this; the rest is joined after. */
const MOST_NAMED = 16;

/** How long one event may keep back those after it, in milliseconds. */
const HOLD_MS = 200;

/** Where we are in each room, and in which order what it says is told. */
export class Rooms {
  readonly anomalies: Anomalies = { duplicates: 0, reordered: 0, gaps: 0 };
  readonly #options: RoomsOptions;
  readonly #events: RoomsEvents;
  /** Rooms to be in beside one's own and the tenant's, which the server joins by itself. */
  readonly #wanted = new Set<string>();
  readonly #places = new Map<string, Place>();
  /** Those that the last connection named. */
  #named: string[] = [];
  #own = 'user:me';

  constructor(options: RoomsOptions, events: RoomsEvents) {
    this.#options = options;
    this.#events = events;
  }

  /** Whom the next connection speaks for. What another one has seen says nothing of them. */
  onIdentity(userId: string | undefined): void {
    const own = `user:${userId ?? 'me'}`;
    if (own !== this.#own && this.#own !== 'user:me') {
      for (const room of this.#places.keys()) this.#forget(room);
    }
    this.#own = own;
  }

  /** `user:me` by its own name. */
  nameOf(room: string): string {
    return room === 'user:me' ? this.#own : room;
  }

  want(room: string): void {
    this.#wanted.add(this.nameOf(room));
  }

  isJoined(room: string): boolean {
    return this.#places.get(this.nameOf(room))?.isJoined ?? false;
  }

  get joined(): string[] {
    return [...this.#places.keys()].filter((room) => this.isJoined(room));
  }

  /** Those that the last connection could not name, or that were wanted only after it was opened. */
  get unnamed(): string[] {
    return [...this.#wanted].filter((room) => !this.#named.includes(room));
  }

  /** Those that the present connection is not in. */
  get unjoined(): string[] {
    return [...this.#wanted].filter((room) => !this.isJoined(room));
  }

  /** Whether a connection that is opened now names more of them. */
  get canNameMore(): boolean {
    return this.#named.length < MOST_NAMED;
  }

  /** A room by its own name, and from where it goes on, where that is known. */
  at(room: string): RoomAt {
    const name = this.nameOf(room);
    const place = this.#places.get(name);
    return { room: name, epoch: place?.epoch, seq: place?.sequence.last };
  }

  /** The rooms that a connection names when it is opened. */
  toName(isBare: boolean): RoomAt[] {
    const given = [this.#own, 'tenant'].filter((room) => this.#places.has(room));
    const all = new Set(isBare ? given : [...given, ...this.#wanted]);
    this.#named = [...all].slice(0, MOST_NAMED);
    return this.#named.map((room) => this.at(room));
  }

  /** The connection is gone. What was held back comes again. */
  onDown(): void {
    for (const place of this.#places.values()) {
      place.isJoined = false;
      place.held = null;
      place.sequence.close();
    }
  }

  onSubscribed({ room, epoch, seq, recovered }: SubscribedFrame): void {
    const known = this.#places.get(room);
    known?.sequence.close();
    // While this connection was opened, the one before it may have gone on.
    const last = epoch === known?.epoch ? Math.max(seq, known.sequence.last) : seq;
    const place: Place = {
      epoch,
      // In the tenant's room much is not for everybody to see: there holes mean nothing.
      sequence: new Sequence(last, this.anomalies, room === 'tenant' ? 0 : HOLD_MS, this.#events.onEvent),
      isJoined: true,
      // What another connection was to read is still to be read.
      toRead: known ? (recovered ? known.toRead : 'lost') : 'joined',
      // What was said before the loss is of another life of the log.
      held: (recovered && known?.held) || null,
    };
    this.#places.set(room, place);
    if (known && !recovered) this.#events.onLost(room);
    if (!known?.isJoined) this.#events.onMembership({ room, isJoined: true });
    if (place.toRead) void this.#read(room, place);
  }

  onUnsubscribed(room: string, error?: CauserieError): void {
    const wasJoined = this.isJoined(room);
    this.#forget(room);
    this.#wanted.delete(room);
    if (wasJoined || error) this.#events.onMembership({ room, isJoined: false, error });
  }

  onEvent(event: RoomEvent): void {
    const place = this.#places.get(event.room);
    if (place?.held) place.held.push(event);
    else if (place && isDurable(event)) place.sequence.accept(event);
    else this.#events.onEvent(event);
  }

  /** Reads what the room said last. What it says meanwhile comes after that, as far as it is new. */
  async #read(room: string, place: Place): Promise<void> {
    const { historyLimit: limit } = this.#options;
    const reason = place.toRead as Reset['reason'];
    place.held ??= [];
    let page: History | undefined;
    let error: CauserieError | undefined;
    try {
      page = limit ? await this.#events.readHistory(room, { limit }) : { epoch: place.epoch, events: [], hasMore: true };
    } catch (refused) {
      error = refused as CauserieError;
    }
    if (this.#places.get(room) !== place || !place.held) return;
    if (page) {
      place.toRead = null;
      place.sequence.skipTo(page.events.at(-1)?.seq ?? 0);
      this.#events.onReset({ room, reason, ...page });
    } else {
      // The next connection tries again. Until then what comes is told all the same.
      this.#events.onMembership({ room, isJoined: true, error });
    }
    const held = place.held ?? [];
    place.held = null;
    for (const event of held) this.onEvent(event);
  }

  #forget(room: string): void {
    this.#places.get(room)?.sequence.close();
    this.#places.delete(room);
  }
}
