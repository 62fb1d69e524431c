// The life of a client's connection, as one state machine:
//
//   connecting ──ready──▶ ready | fallback ──lost──▶ recovering ──5 failures──▶ offline
//        │                    ▲                          │                        │
//        │                    └──────────ready───────────┴────────────────────────┘
//        └───── refused, or sent away for good ─────▶ closed
//
// A link is one try, and what comes of it. All that a link tells after another one has taken its
// place is passed over.
import { CauserieError, noConnection } from '../errors.js';
import type { Ready } from '../protocol/generated/types.js';
import type { ServerFrame } from '../protocol/frames.js';
import type { End, Hearing, Link, Transport, TransportName } from '../transports/transport.js';
import { delayBefore, type Spread } from './backoff.js';
import { type Beats, Heartbeat } from './heartbeat.js';
import type { Ladder } from './ladder.js';
import type { Page } from './page.js';
import { Renewal } from './renewal.js';
import type { Reason, State } from './state.js';
import type { Identity, Tokens } from './tokens.js';
import { judge, type Verdict } from './verdict.js';

export interface ConnectionOptions extends Spread, Beats {
  connectTimeoutMs: number;
  /** After how many failures in a row the state is `offline`. */
  offlineAfter: number;
  /** Whether it stops there. */
  giveUp: boolean;
  /** How long before its end a token is renewed, in milliseconds. */
  renewBeforeMs: number;
  page: Page;
}

/** What a connection needs from whoever has it, and tells them. */
export interface Owner {
  /** Whom the next link speaks for, who may be somebody new; gives the transports to be tried. */
  onIdentity(identity: Identity): Ladder;
  /** The rooms that a link names when it is opened; with none but one's own where `isBare`. */
  roomsToName(isBare: boolean): string[];
  onReady(ready: Ready, link: Link): void;
  onFrame(frame: ServerFrame): void;
  /** The link is gone; what was sent and not answered is unknown. */
  onDown(): void;
  /** The token is to be shown on the live link. */
  onRenewed(identity: Identity, link: Link): void;
  onState(state: State): void;
}

/** A connection that held for so long was a good one, in milliseconds. */
const STABLE_MS = 5_000;

type Timer = ReturnType<typeof setTimeout>;

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #transports: ReadonlyMap<TransportName, Transport>;
  readonly #tokens: Tokens;
  readonly #page: Page;
  readonly #owner: Owner;
  readonly #heartbeat: Heartbeat;
  readonly #renewal: Renewal;

  #state: State = { name: 'connecting', attempt: 0, retryAt: null, reason: null };
  #ladder: Ladder | null = null;
  /** What waited during an earlier turn is void. */
  #turn = 0;
  #link: Link | null = null;
  #isReady = false;
  /** A second link, which is to take the first one's place when it is ready. */
  #heir: { link: Link; settle(error?: CauserieError): void } | null = null;
  #identity: Identity | null = null;

  /** In a row, without a good connection in between. */
  #failures = 0;
  #refusedTokens = 0;
  /** Whether rooms beside one's own are left out: one of them may be why all is refused. */
  #isBare = false;
  /** For the server's statistics: tries since it was last up, by what, and until when. */
  #attempt = 0;
  #last: TransportName | undefined;
  #lostAt: number | undefined;
  #readyAt = 0;

  #retry: Timer | undefined;
  #mayHurry = false;
  #stable: Timer | undefined;
  #trial: Timer | undefined;
  #stopListening: (() => void) | null = null;

  constructor(
    options: ConnectionOptions,
    transports: ReadonlyMap<TransportName, Transport>,
    tokens: Tokens,
    owner: Owner,
  ) {
    this.#options = options;
    this.#transports = transports;
    this.#tokens = tokens;
    this.#page = options.page;
    this.#owner = owner;
    this.#heartbeat = new Heartbeat(
      options,
      () => void this.#link?.ping().catch(() => {}),
      () => this.#link && this.#onLost(this.#link, { code: 1006, reason: 'no sign of life' }),
    );
    this.#renewal = new Renewal(tokens, options.renewBeforeMs, (identity) => this.#onRenewed(identity));
  }

  get state(): State {
    return this.#state;
  }

  /** The link, while it is ready. */
  get link(): Link | null {
    return this.#isReady ? this.#link : null;
  }

  /** Begins, or begins anew after `closed`. */
  start(): void {
    if (this.#state.name !== 'closed' && this.#turn > 0) return;
    this.#failures = this.#attempt = this.#refusedTokens = 0;
    this.#stopListening ??= this.#page.listen({
      onWake: () => this.wake(),
      onOffline: () => this.#onOffline(),
    });
    void this.#try();
  }

  /** The person does something: where it stays away until then, it comes back. */
  act(): void {
    if (this.#state.name === 'closed' && this.#state.comesBack === 'when_you_act') this.start();
  }

  /** Something has changed for the better, perhaps: looks at once. */
  wake(): void {
    if (this.#isReady) this.#heartbeat.probe();
    else if (this.#mayHurry) this.#after(delayBefore(1, this.#options));
  }

  /** Ends it, until `start`. */
  close(error: CauserieError): void {
    this.#stay({ closeCode: undefined, error, text: error.message }, 'never');
  }

  /** Opens a second link as the first one is, for what a link takes only when it is opened. */
  reopen(): Promise<void> {
    const { link } = this;
    return link ? this.#succeed(link.transport) : Promise.resolve();
  }

  // ------------------------------------------------------------------ trying

  async #try(): Promise<void> {
    const turn = this.#nextTurn();
    this.#attempt += 1;
    this.#show(this.#away(null, this.#reason()));
    let identity: Identity;
    try {
      identity = await this.#tokens.get();
    } catch (error) {
      const refused = error as CauserieError;
      if (turn === this.#turn) this.#onEnd({ code: 1006, reason: refused.message, error: refused });
      return;
    }
    if (turn !== this.#turn) return;
    this.#identity = identity;
    this.#ladder = this.#owner.onIdentity(identity);
    this.#link = this.#connect(this.#ladder.current, identity);
  }

  #connect(name: TransportName, { token, userId }: Identity): Link {
    const transport = this.#transports.get(name) as Transport;
    const hearing: Hearing = {
      onFrame: (frame) => this.#onFrame(link, frame),
      onLife: () => link === this.#link && this.#isReady && this.#heartbeat.heard(),
      onEnd: (end) => (link === this.#heir?.link ? this.#onHeirLost(end) : this.#onLost(link, end)),
    };
    const opening = {
      token,
      userId,
      rooms: this.#owner.roomsToName(this.#isBare),
      attempt: Math.max(this.#attempt, 1),
      last: this.#last,
      awayMs: this.#lostAt === undefined ? undefined : Date.now() - this.#lostAt,
      timeoutMs: this.#options.connectTimeoutMs,
    };
    const link = transport.open(opening, hearing);
    return link;
  }

  #onFrame(link: Link, frame: ServerFrame): void {
    if (link === this.#heir?.link && frame.type === 'ready') this.#inherit();
    if (link !== this.#link) return;
    this.#heartbeat.heard();
    if (frame.type === 'ready') this.#onReady(frame.data, link);
    else this.#owner.onFrame(frame);
  }

  #onReady(ready: Ready, link: Link): void {
    this.#isReady = true;
    this.#readyAt = Date.now();
    this.#isBare = false;
    this.#attempt = 0;
    this.#last = link.transport;
    this.#lostAt = undefined;
    if (this.#identity) this.#renewal.watch(this.#identity, ready.server_time);
    const ladder = this.#ladder as Ladder;
    ladder.use(link.transport);
    clearTimeout(this.#stable);
    this.#stable = setTimeout(() => {
      this.#failures = this.#refusedTokens = 0;
      ladder.onStable();
    }, STABLE_MS);
    this.#planTrial(ladder);
    this.#show({ name: ladder.isBest ? 'ready' : 'fallback', transport: link.transport });
    this.#owner.onReady(ready, link);
  }

  // ------------------------------------------------------------------ losing

  #onLost(link: Link, end: End): void {
    if (link === this.#link) this.#onEnd(end);
  }

  #onEnd(end: End): void {
    const lived = this.#isReady;
    const wasShort = lived && Date.now() - this.#readyAt < STABLE_MS;
    this.#leave();
    // Something that lets a socket open and cuts it off is in the way, too.
    const blocked = end.isBlocked ?? (wasShort && end.code === 1006 && !end.error ? 'path' : undefined);
    if (blocked) this.#ladder?.onBlocked(blocked);
    const reason: Reason = { closeCode: lived ? end.code : undefined, error: end.error, text: end.reason };
    if (end.isBlocked) return this.#comeBack({ next: 'back' }, { ...reason, error: undefined });
    const verdict = judge(end);
    switch (verdict.next) {
      case 'back':
        return this.#comeBack(verdict, reason);
      case 'renew':
        return this.#onTokenRefused(reason);
      case 'wait':
        return this.#stay(reason, 'when_you_act');
      case 'stay':
        return this.#onRefused(reason);
    }
  }

  #onTokenRefused(reason: Reason): void {
    this.#refusedTokens += 1;
    if (this.#identity) this.#tokens.forget(this.#identity.token);
    // Neither a new token nor the one after it: another would fare no better.
    const isHopeless = this.#refusedTokens > 2 || (reason.error?.code === 'unauthorized' && !this.#identity);
    if (isHopeless) this.#stay(reason, 'never');
    else this.#comeBack({ next: 'back' }, reason);
  }

  #onRefused(reason: Reason): void {
    // It may be for a room: without those beside one's own it is tried once more.
    if (reason.error?.code !== 'forbidden' || this.#isBare) return this.#stay(reason, 'never');
    this.#isBare = true;
    this.#comeBack({ next: 'back' }, reason);
  }

  #comeBack({ afterMs, isOverloaded }: Extract<Verdict, { next: 'back' }>, reason: Reason): void {
    this.#failures += 1;
    const { offlineAfter, giveUp } = this.#options;
    const isLong = this.#failures > offlineAfter;
    if (isLong && giveUp) return this.#stay(reason, 'when_you_act');
    // Past that always the longest interval. Who is overloaded is spared the quick first try.
    const retry = isLong ? Infinity : Math.max(this.#failures, isOverloaded ? 2 : 1);
    const least = reason.error?.retryAfterMs ?? 0;
    const delay = afterMs ?? least + delayBefore(retry, this.#options);
    this.#after(delay);
    this.#mayHurry = afterMs === undefined && least === 0;
    this.#show(this.#away(Date.now() + delay, reason));
  }

  #stay(reason: Reason, comesBack: 'when_you_act' | 'never'): void {
    this.#nextTurn();
    this.#leave();
    this.#lostAt = undefined;
    this.#stopListening?.();
    this.#stopListening = null;
    this.#show({ name: 'closed', reason, comesBack });
  }

  #onOffline(): void {
    if (this.#isReady) return this.#heartbeat.probe();
    if ('retryAt' in this.#state) this.#show(this.#away(this.#state.retryAt, this.#state.reason));
  }

  /** Lets go of links and of all that was planned for them. */
  #leave(): void {
    this.#link?.close();
    if (this.#isReady) {
      this.#isReady = false;
      this.#lostAt = Date.now();
      this.#owner.onDown();
    }
    this.#link = null;
    this.#heir?.link.close();
    this.#heir?.settle(noConnection());
    this.#heir = null;
    this.#heartbeat.stop();
    this.#renewal.stop();
    clearTimeout(this.#stable);
    clearTimeout(this.#trial);
  }

  // -------------------------------------------------------------- succession

  /** A better transport is tried beside the present one. */
  #planTrial(ladder: Ladder): void {
    clearTimeout(this.#trial);
    if (ladder.isBest) return;
    const { name, afterMs } = ladder.nextTrial();
    this.#trial = setTimeout(() => {
      const planNext = () => this.#isReady && this.#planTrial(ladder);
      if (this.#heir) planNext();
      else this.#succeed(name).catch(planNext);
    }, afterMs);
  }

  async #succeed(name: TransportName): Promise<void> {
    const turn = this.#turn;
    const identity = await this.#tokens.get();
    if (turn !== this.#turn || !this.#isReady) return;
    this.#identity = identity;
    this.#heir?.link.close();
    this.#heir?.settle(noConnection());
    await new Promise<void>((resolve, reject) => {
      const settle = (error?: CauserieError) => (error ? reject(error) : resolve());
      this.#heir = { link: this.#connect(name, identity), settle };
    });
  }

  #inherit(): void {
    const heir = this.#heir;
    if (!heir) return;
    this.#heir = null;
    this.#link?.close();
    this.#link = heir.link;
    this.#owner.onDown();
    heir.settle();
  }

  #onHeirLost({ error }: End): void {
    const heir = this.#heir;
    this.#heir = null;
    heir?.link.close();
    heir?.settle(error ?? noConnection());
  }

  #onRenewed(identity: Identity): void {
    const { link } = this;
    this.#identity = identity;
    if (!link) return;
    if (link.canRenew) this.#owner.onRenewed(identity, link);
    else this.reopen().catch(() => {});
  }

  /** The live link has taken a new token. */
  renewed(identity: Identity, serverTime: number): void {
    if (this.#isReady) this.#renewal.watch(identity, serverTime);
  }

  // ------------------------------------------------------------------- small

  #nextTurn(): number {
    clearTimeout(this.#retry);
    this.#mayHurry = false;
    return ++this.#turn;
  }

  #after(ms: number): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.#try(), ms);
  }

  #reason(): Reason | null {
    return 'reason' in this.#state ? this.#state.reason : null;
  }

  #away(retryAt: number | null, reason: Reason | null): State {
    const isOffline = this.#failures >= this.#options.offlineAfter || !this.#page.isOnline();
    const name = isOffline ? 'offline' : this.#last ? 'recovering' : 'connecting';
    return { name, attempt: this.#attempt, retryAt, reason };
  }

  #show(state: State): void {
    this.#state = state;
    this.#owner.onState(state);
  }
}
