import type { CauserieError } from '../errors.js';
import type { ClientFrame, ServerFrame } from '../protocol/frames.js';

export type TransportName = 'websocket' | 'streaming' | 'http';

/**
 * `auto`: what works best. `streaming`: the same without WebSockets. `websocket`, `http`: that one alone.
 */
export type Mode = 'auto' | TransportName;

/** The transports of each mode, from the best to the one that works wherever a page can be loaded. */
const ALL: readonly TransportName[] = ['websocket', 'streaming', 'http'];
export const MODES: Readonly<Record<Mode, readonly TransportName[]>> = {
  auto: ALL,
  websocket: ALL.slice(0, 1),
  streaming: ALL.slice(1),
  http: ALL.slice(2),
};

/** A room, and the position up to which it is known, where it is. */
export interface RoomAt {
  room: string;
  epoch?: string | undefined;
  seq?: number | undefined;
}

/** With what a connection is opened. */
export interface Opening {
  token: string;
  /** Whom the token names, where that can be read. */
  userId: string | undefined;
  /** The rooms to be joined at once, and from where they are heard. */
  rooms: RoomAt[];
  /** Which try this is since the connection was last up: 1, 2 … */
  attempt: number;
  /** The transport of the connection before. */
  last: TransportName | undefined;
  /** Milliseconds since that ended. */
  awayMs: number | undefined;
  /** How long it may take until `ready`, in milliseconds. */
  timeoutMs: number;
}

/** How a connection ended, or why there was none. */
export interface End {
  /** The close code; 1006 where there was none. */
  code: number;
  reason: string;
  /** What the server said. */
  error?: CauserieError | undefined;
  /**
   * The server can be reached, but not in this way: something between refuses it
   * (`path`), or the server has it switched off (`gone`).
   */
  isBlocked?: 'path' | 'gone' | undefined;
}

/** Who is told what comes, and passes over what comes after the link was closed, or its `onEnd`. */
export interface Hearing {
  onFrame(frame: ServerFrame): void;
  /** Something came, though no frame. */
  onLife(): void;
  onEnd(end: End): void;
}

/** One connection. */
export interface Link {
  readonly transport: TransportName;
  /** Whether rooms can be joined and left while it lives. */
  readonly canJoin: boolean;
  /**
   * Whether what is asked is answered over it: so it can be asked for a sign of life, and its token be
   * renewed while it lives.
   */
  readonly isTwoWay: boolean;
  /** Sends a frame; its answer comes as a frame, as if over a socket. */
  send(frame: ClientFrame): void;
  /** How long the server takes to answer, in milliseconds. */
  ping(): Promise<number>;
  /** Ends it; nothing is heard of it any more. */
  close(): void;
}

/** A way to connect. */
export type Transport = (opening: Opening, hearing: Hearing) => Link;

/** Those that this place has. */
export type Transports = { readonly [Name in TransportName]?: Transport | null | undefined };
