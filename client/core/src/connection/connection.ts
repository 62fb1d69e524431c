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
import type { Greeting, ServerFrame } from '../protocol/frames.js';
import type { End, Hearing, Link, Transport, TransportName, Transports } from '../transports/transport.js';
import { delayBefore } from './backoff.js';
import { Heartbeat } from './heartbeat.js';
import type { Ladder } from './ladder.js';
import type { ConnectionOptions, Owner } from './owner.js';
import { Renewal } from './renewal.js';
import type { Reason, State } from './state.js';
import type { Identity, Tokens } from './tokens.js';
import { judge, type Verdict } from './verdict.js';

/** A connection that held for so long was a good one, in milliseconds. */
const STABLE_MS = 5_000;

type Timer = ReturnType<typeof setTimeout>;

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #transports: Transports;
  readonly #tokens: Tokens;
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
  #heir: { link: Link; resolve(): void; reject(error: CauserieError): void } | null = null;
  #identity: Identity | null = null;

  /** Why there is no connection now. */
  #reason: Reason | null = null;
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
  /** By how much the server's clock is ahead, in milliseconds. */
  #clockOffset = 0;

  #retry: Timer | undefined;
  #mayHurry = false;
  #trial: Timer | undefined;
  #stopListening: (() => void) | null = null;

  constructor(
    options: ConnectionOptions,
    transports: Transports,
    tokens: Tokens,
    owner: Owner,
  ) {
    this.#options = options;
    this.#transports = transports;
    this.#tokens = tokens;
    this.#owner = owner;
    this.#heartbeat = new Heartbeat(
      options,
      () => void this.#link?.ping().catch(() => {}),
      () => this.#onEnd({ code: 1006, reason: 'no sign of life' }),
    );
    this.#renewal = new Renewal(tokens, (identity) => this.#onRenewed(identity));
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
    this.#stopListening ??= this.#options.page.listen({
      onWake: () => this.wake(),
      onOffline: () => this.#onOffline(),
    });
    void this.#try();
  }

  /** The person does something: where it stays away until then, it comes back. */
  act(): void {
    if (this.#state.name === 'closed' && this.#state.comesBack === 'when_you_act') this.start();
  }

  /** Something has changed for the better, perhaps: looks at once, where that can be done. */
  wake(): void {
    if (this.link?.isTwoWay) this.#heartbeat.probe();
    else if (this.#mayHurry) this.#after(delayBefore(1, this.#options));
  }

  /** Ends it, until `start`. */
  close(): void {
    this.#stay({ text: 'closed' }, 'never');
  }

  /** Opens a second link as the first one is, for what a link takes only when it is opened. */
  async reopen(): Promise<void> {
    if (this.link) await this.#succeed(this.link.transport);
  }

  // ------------------------------------------------------------------ trying

  async #try(): Promise<void> {
    const turn = this.#nextTurn();
    this.#attempt += 1;
    this.#showAway(null);
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
    const hearing: Hearing = {
      onFrame: (frame) => this.#onFrame(link, frame),
      onLife: () => link === this.#link && this.#isReady && this.#heartbeat.heard(),
      onEnd: (end) => {
        if (link === this.#heir?.link) this.#settleHeir(end.error ?? noConnection());
        else if (link === this.#link) this.#onEnd(end);
      },
    };
    const opening = {
      token,
      userId,
      rooms: this.#owner.roomsToName(this.#isBare),
      attempt: this.#attempt || 1,
      last: this.#last,
      awayMs: this.#lostAt === undefined ? undefined : Date.now() - this.#lostAt,
      timeoutMs: this.#options.connectTimeoutMs,
    };
    const link = (this.#transports[name] as Transport)(opening, hearing);
    return link;
  }

  #onFrame(link: Link, frame: ServerFrame): void {
    if (link === this.#heir?.link && frame.type === 'ready') this.#settleHeir();
    if (link !== this.#link) return;
    this.#heartbeat.heard();
    if (frame.type === 'ready') this.#onReady(frame.data, link);
    else this.#owner.onFrame(frame);
  }

  #onReady(ready: Greeting, link: Link): void {
    this.#isReady = true;
    this.#readyAt = Date.now();
    this.#isBare = false;
    this.#reason = null;
    this.#attempt = 0;
    this.#last = link.transport;
    this.#lostAt = undefined;
    this.#clockOffset = ready.server_time - Date.now();
    if (this.#identity) this.#renewal.watch(this.#identity, ready.server_time);
    const ladder = this.#ladder as Ladder;
    ladder.use(link.transport);
    this.#planTrial(ladder);
    this.#show({ name: ladder.isBest ? 'ready' : 'fallback', transport: link.transport });
    this.#owner.onReady(ready, link);
  }

  // ------------------------------------------------------------------ losing

  #onEnd(end: End): void {
    const lived = this.#isReady;
    const wasGood = lived && Date.now() - this.#readyAt >= STABLE_MS;
    if (wasGood) {
      this.#failures = this.#refusedTokens = 0;
      this.#ladder?.onGood();
    }
    this.#leave();
    // Something that lets a socket open and cuts it off is in the way, too.
    const isCut = lived && !wasGood && end.code === 1006 && !end.error;
    const isBlocked = end.isBlocked ?? (isCut && 'path');
    if (isBlocked) this.#ladder?.onBlocked(isBlocked);
    const { code, error, reason: text } = end;
    const reason: Reason = { closeCode: lived ? code : undefined, error, text };
    const verdict = judge(end);
    switch (verdict.next) {
      case 'back':
        return this.#comeBack(verdict, reason);
      case 'renew':
        this.#refusedTokens += 1;
        if (this.#identity) this.#tokens.forget(this.#identity.token);
        // Neither a new token nor the one after it: another would fare no better.
        if (this.#identity && this.#refusedTokens <= 2) return this.#comeBack({}, reason);
        break;
      case 'wait':
        return this.#stay(reason, 'when_you_act');
      case 'stay':
        // It may be for a room: without those beside one's own it is tried once more.
        if (end.error?.code !== 'forbidden' || this.#isBare) break;
        this.#isBare = true;
        return this.#comeBack({}, reason);
    }
    this.#stay(reason, 'never');
  }

  #comeBack({ afterMs, isOverloaded }: Partial<Extract<Verdict, { next: 'back' }>>, reason: Reason): void {
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
    this.#reason = reason;
    this.#showAway(Date.now() + delay);
  }

  #stay(reason: Reason, comesBack: 'when_you_act' | 'never'): void {
    this.#nextTurn();
    this.#leave();
    this.#lostAt = undefined;
    this.#stopListening?.();
    this.#stopListening = null;
    const { error = new CauserieError('closed', 'Disconnected.') } = reason;
    this.#show({ name: 'closed', reason: { ...reason, error }, comesBack });
  }

  #onOffline(): void {
    if (this.link?.isTwoWay) this.#heartbeat.probe();
    else if ('retryAt' in this.#state) this.#showAway(this.#state.retryAt);
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
    this.#settleHeir(noConnection());
    this.#heartbeat.stop();
    this.#renewal.stop();
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
    this.#settleHeir(noConnection());
    await new Promise<void>((resolve, reject) => {
      this.#heir = { link: this.#connect(name, identity), resolve, reject };
    });
  }

  /** The heir takes its place, or there is none any more. */
  #settleHeir(error?: CauserieError): void {
    const heir = this.#heir;
    if (!heir) return;
    this.#heir = null;
    if (error) {
      heir.link.close();
      heir.reject(error);
    } else {
      this.#link?.close();
      this.#link = heir.link;
      this.#owner.onDown();
      heir.resolve();
    }
  }

  #onRenewed(identity: Identity): void {
    const { link } = this;
    this.#identity = identity;
    const shown = link?.isTwoWay ? this.#owner.authenticate(identity.token) : this.reopen();
    // Where it is refused, the connection ends with the token before.
    shown.then(() => this.link === link && this.#renewal.watch(identity, Date.now() + this.#clockOffset)).catch(() => {});
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

  #showAway(retryAt: number | null): void {
    const isOffline = this.#failures >= this.#options.offlineAfter || !this.#options.page.isOnline();
    const name = isOffline ? 'offline' : this.#last ? 'recovering' : 'connecting';
    this.#show({ name, attempt: this.#attempt, retryAt, reason: this.#reason });
  }

  #show(state: State): void {
    this.#state = state;
    this.#owner.onState(state);
  }
}
