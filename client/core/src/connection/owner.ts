import type { Greeting, ServerFrame } from '../protocol/frames.js';
import type { Link, RoomAt } from '../transports/transport.js';
import type { Spread } from './backoff.js';
import type { Beats } from './heartbeat.js';
import type { Ladder } from './ladder.js';
import type { Page } from './page.js';
import type { State } from './state.js';
import type { Identity } from './tokens.js';

export interface ConnectionOptions extends Spread, Beats {
  connectTimeoutMs: number;
  /** After how many failures in a row the state is `offline`. */
  offlineAfter: number;
  /** Whether it stops there. */
  giveUp: boolean;
  page: Page;
}

/** What a connection needs from whoever has it, and tells them. */
export interface Owner {
  /** Whom the next link speaks for, who may be somebody new; gives the transports to be tried. */
  onIdentity(identity: Identity): Ladder;
  /** The rooms that a link names when it is opened; with none but one's own where `isBare`. */
  roomsToName(isBare: boolean): RoomAt[];
  onReady(ready: Greeting, link: Link): void;
  onFrame(frame: ServerFrame): void;
  /** The link is gone; what was sent and not answered is unknown. */
  onDown(): void;
  /** The token is to be shown on the live link. */
  authenticate(token: string): Promise<unknown>;
  onState(state: State): void;
}
