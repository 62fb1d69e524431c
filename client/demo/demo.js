// The demo page: one conversation, shared by all tabs of this browser.
//
// It speaks the protocol `picasso-chat-v1` with nothing but what a browser has.
//   Identity      who we are: a visitor, the same one in all tabs
//   Connection    one socket, which comes back by itself
//   Outbox        what was said here, until it stands in the log
//   Conversation  what the room says, in order and without a hole
//   View          what is on the screen

const page = new URL(location.href);
const tenant = page.searchParams.get('t') ?? 'demo';
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');

/** Asks the server, which has ten seconds to answer. */
const ask = (url, options) => fetch(url, { ...options, signal: AbortSignal.timeout(10_000) });

// ------------------------------------------------------------------ identity

class Identity {
  #key = `causerie.${tenant}.token`;
  #store = localStorage;

  constructor() {
    // A link may bring a token along, for its own tab. On this machine only: elsewhere a
    // stranger's link could have people talk in the stranger's room.
    const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(page.hostname);
    const linked = new URLSearchParams(page.hash.slice(1)).get('token');
    if (linked && isLocal) {
      sessionStorage.setItem(this.#key, linked);
      history.replaceState(null, '', page.pathname + page.search);
    }
    if (sessionStorage.getItem(this.#key)) this.#store = sessionStorage;
    addEventListener('hashchange', () => location.reload());
  }

  get token() {
    return this.#store.getItem(this.#key);
  }

  /**
   * Becomes a visitor, once for all tabs: the first to come does it for the others.
   * Returns the error of a server that refuses, and null where none answers.
   */
  async visit() {
    const visit = async () => {
      if (this.token) return null;
      const headers = { 'content-type': 'application/json' };
      const response = await ask('/api/auth/session', { method: 'POST', headers, body: JSON.stringify({ tenant_hash: tenant }) });
      const answer = await response.json();
      if (!response.ok) return answer;
      this.#store.setItem(this.#key, answer.token);
      return null;
    };
    return (navigator.locks?.request(this.#key, visit) ?? visit()).catch(() => null);
  }

  /** Drops a token that was refused; one that another tab has got since then stays. */
  forget(refused) {
    if (this.token === refused) this.#store.removeItem(this.#key);
  }
}

// ---------------------------------------------------------------- connection

/** How long a socket may take to open, and a server to answer a ping. */
const PATIENCE_MS = 5_000;

class Connection {
  #socket = null;
  /** Each try to connect has a number. Whatever waited during an earlier one is void. */
  #try = 0;
  #failures = 0;
  #readySince = 0;
  /** The number of the last try that succeeded. */
  #lastUp = 0;
  /** When the last connection ended; null where nobody waits for it to be back. */
  #endedAt = null;
  /** What is to be done next: to come back, or to see whether the server is still there. */
  #timer = null;
  /** Why it does not come back by itself: 'asleep' or 'closed'. */
  #rest = null;
  #room = null;
  /** Where we stand in our room: {epoch, seq}. */
  #position = null;
  #heartbeat = PATIENCE_MS;
  isReady = false;
  /** The token that the present room is heard with. */
  token = null;

  /** Tells `onFrame` answers and our own room's events, `onHole` that it began or was lost. */
  constructor(identity, { onReady, onFrame, onHole, onState }) {
    Object.assign(this, { identity, onReady, onFrame, onHole, onState });
    addEventListener('online', () => {
      if (this.isReady) this.#probe();
      else if (!this.#rest) this.wake();
    });
    // What a tab stores the others may read late, in spite of the lock: two that begin at once
    // may become two visitors. Who came last is both.
    addEventListener('storage', () => {
      if (this.#socket && identity.token && identity.token !== this.token) this.#giveUp();
    });
  }

  /** The user acts: it is to be there now. */
  wake() {
    if (!this.#socket && this.#rest !== 'closed') this.#open();
  }

  /** Whether the frame was sent. */
  send(frame) {
    if (this.isReady) this.#socket.send(JSON.stringify(frame));
    return this.isReady;
  }

  async #open() {
    const number = ++this.#try;
    clearTimeout(this.#timer);
    this.#rest = null;
    this.onState('connecting', 'Connecting…');
    const refusal = this.identity.token ? null : await this.identity.visit();
    if (number !== this.#try) return;
    const { token } = this.identity;
    if (!token) return this.#comeBack({ refusal });
    if (token !== this.token) this.#position = null; // somebody else's
    this.token = token;
    const socket = new WebSocket(this.#url('ws'), 'picasso-chat-v1');
    this.#socket = socket;
    socket.onmessage = ({ data }) => socket === this.#socket && this.#onFrame(JSON.parse(data));
    socket.onclose = (event) => socket === this.#socket && this.#onClose(event);
    this.#after(PATIENCE_MS, () => this.#giveUp());
  }

  #onFrame(frame) {
    this.#after(this.#heartbeat, () => this.#probe());
    if (frame.type === 'ready') this.#onReady(frame.data);
    if (frame.room && frame.room !== this.#room) return;
    if (frame.type === 'subscribed') return this.#onSubscribed(frame);
    if (frame.seq) this.#position.seq = frame.seq;
    this.onFrame(frame);
  }

  #onSubscribed({ epoch, seq, recovered }) {
    const isHole = !this.#position || !recovered;
    this.#position = { epoch, seq };
    if (isHole) this.onHole();
  }

  #onReady({ user_id, heartbeat_interval_ms }) {
    this.isReady = true;
    this.#lastUp = this.#try;
    this.#endedAt = null;
    this.#readySince = Date.now();
    this.#room = `user:${user_id}`;
    this.#heartbeat = heartbeat_interval_ms;
    this.onState('ready', 'Connected');
    this.onReady();
  }

  /** A network that went away tells nobody. */
  #probe() {
    this.send({ action: 'ping' });
    this.#after(PATIENCE_MS, () => this.#giveUp());
  }

  #giveUp() {
    const socket = this.#socket;
    this.#onClose({ code: 1006 });
    socket.close();
  }

  async #onClose({ code, reason }) {
    const wasReady = this.isReady;
    if (wasReady) this.#endedAt = Date.now();
    clearTimeout(this.#timer);
    this.#socket = null;
    this.isReady = false;
    if (code === 4509) return this.#stay('asleep', 'Asleep. It wakes when you write.');
    if (code > 4500) return this.#stay('closed', `Closed: ${reason || code}`);
    if (code === 4500) this.identity.forget(this.token); // come back as somebody new
    if (wasReady && Date.now() - this.#readySince > 10_000) this.#failures = 0;
    const number = this.#try;
    const refusal = wasReady ? null : await this.#whyRefused();
    if (number !== this.#try) return;
    if (refusal?.code === 'unauthorized') {
      this.identity.forget(this.token);
      return this.#comeBack({});
    }
    this.#comeBack({ refusal, after: Number(/^reconnect after=(\d+)/.exec(reason)?.[1]) });
  }

  #comeBack({ refusal, after }) {
    if (refusal?.canRetry === false) return this.#stay('closed', refusal.content);
    const longest = this.#failures === 0 ? 250 : Math.min(30_000, 500 * 2 ** this.#failures);
    this.#failures += 1;
    this.onState('offline', refusal?.content ?? 'Connection lost. Coming back…');
    this.#after(after || Math.max(Math.random() * longest, refusal?.retry_after_ms ?? 0), () => this.#open());
  }

  #stay(rest, words) {
    this.#rest = rest;
    this.#endedAt = null;
    this.onState('closed', words);
  }

  #after(ms, act) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(act, ms);
  }

  /** To a browser a failed handshake says nothing; a plain request says why. */
  async #whyRefused() {
    try {
      const response = await ask(this.#url('http'));
      return response.status === 426 ? null : await response.json();
    } catch {
      return null; // nobody there
    }
  }

  #url(scheme) {
    const url = new URL('/ws', page);
    url.protocol = page.protocol.replace('http', scheme);
    url.searchParams.set('t', tenant);
    url.searchParams.set('token', this.token);
    // For the server's statistics alone.
    url.searchParams.set('attempt', this.#try - this.#lastUp);
    if (this.#lastUp) url.searchParams.set('last', 'websocket');
    if (this.#endedAt) url.searchParams.set('away_ms', Date.now() - this.#endedAt);
    if (this.#position) url.searchParams.set('room', `user:me@${this.#position.epoch}:${this.#position.seq}`);
    return url;
  }
}

// -------------------------------------------------------------------- outbox

/**
 * What was said on this page: {frame, state, …}, in order, where `state` is 'waiting', 'stored'
 * (at `epoch` and `seq`) or 'failed' (`why`). Each waits until the one before is stored: so none
 * overtakes another that the server had no room for.
 */
class Outbox {
  #said = new Map(); // by client id
  #sending = null; // the client id that has not been answered
  #retry = null; // runs while the server has too much to do

  constructor(connection, view) {
    Object.assign(this, { connection, view });
  }

  say(user_input) {
    const id = newId();
    // A session belongs to its room, and this room is ours alone: so its name can be fixed.
    const data = { user_input, session_id: 'demo', metadata: { client_id: id } };
    this.#put({ frame: { action: 'sendMessage', id, data }, state: 'waiting' });
  }

  /** The connection is there, or gone: what had no answer is sent again. */
  onConnection() {
    this.#sending = null;
    this.#sendNext();
    this.#waiting().forEach((said) => this.#show(said));
  }

  /** It was acked, or seen in the log. */
  onStored(id, { epoch, seq }) {
    const said = this.#said.get(id);
    if (said) this.#settle(said, { state: 'stored', epoch, seq });
  }

  onError({ id, code, content, retry_after_ms = 1_000 }) {
    const said = this.#said.get(id);
    if (said?.state !== 'waiting') return;
    const isBusy = code === 'overloaded' || code === 'rate_limited';
    if (!isBusy) return this.#settle(said, { state: 'failed', why: content });
    this.view.note(id, content);
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.onConnection();
    }, retry_after_ms);
  }

  get stored() {
    return [...this.#said.values()].filter((said) => said.state === 'stored');
  }

  onLost(said) {
    Object.assign(said, { state: 'failed', why: 'The server has lost this.' });
    this.#show(said);
  }

  /** Shows what does not stand in the log. */
  showRest() {
    for (const said of this.#said.values()) if (said.state !== 'stored') this.#show(said);
  }

  #put(said) {
    this.#said.delete(said.frame.id);
    this.#said.set(said.frame.id, said);
    this.#sendNext();
    this.#show(said);
    this.view.moveToEnd(said.frame.id);
    this.connection.wake();
  }

  #sendNext() {
    const [next] = this.#waiting();
    if (!next || this.#sending || this.#retry) return;
    if (this.connection.send(next.frame)) this.#sending = next.frame.id;
  }

  #settle(said, outcome) {
    Object.assign(said, outcome);
    if (this.#sending === said.frame.id) this.#sending = null;
    this.#show(said);
    this.#sendNext();
    this.#waiting().forEach((other) => this.#show(other));
  }

  #waiting() {
    return [...this.#said.values()].filter((said) => said.state === 'waiting');
  }

  #show(said) {
    const { frame, state, why } = said;
    this.view.say(frame.id, frame.data.user_input);
    const retry = () => this.#put({ frame, state: 'waiting' });
    if (state === 'stored') this.view.note(frame.id, '✓ sent');
    else if (state === 'failed') this.view.note(frame.id, why, { bad: true, retry });
    else if (frame.id === this.#sending) this.view.note(frame.id, 'Sending…');
    else this.view.note(frame.id, this.connection.isReady ? 'Waits for the one before' : 'Queued until the connection is back');
  }
}

// -------------------------------------------------------------- conversation

class Conversation {
  /** The last durable event shown. */
  #seq = 0;
  /** Events that wait while the log is read; null where it is not. */
  #held = null;

  constructor(connection, outbox, view) {
    Object.assign(this, { connection, outbox, view });
  }

  onFrame(frame) {
    if (this.#held) this.#held.push(frame);
    else this.#show(frame);
  }

  /** Begins anew from the log: at the start, and where our place in it is lost. */
  async reload() {
    const held = (this.#held = []);
    const { stored } = this.outbox;
    const events = await this.#read(() => this.#held === held);
    if (this.#held !== held) return; // begun once more meanwhile
    this.view.clear();
    this.#seq = 0;
    this.#held = null;
    const logged = new Set(events.map(({ data }) => data.metadata?.client_id));
    const lost = stored.filter(({ frame, seq }) => !logged.has(frame.id) && seq >= (events[0]?.seq ?? 0));
    // Where the log has lost something, that stood at the end of one of its lives.
    const end = events.findLastIndex(({ epoch }) => epoch === lost.at(-1)?.epoch) + 1;
    for (const frame of events.slice(0, end)) this.#show(frame);
    for (const said of lost) this.outbox.onLost(said);
    for (const frame of events.slice(end)) this.#show(frame);
    this.outbox.showRest();
    for (const frame of held) this.#show(frame);
    this.view.isLoaded();
  }

  /** The end of the log, however long it takes to get it, as long as it `isWanted`. */
  async #read(isWanted) {
    for (let wait = 250; isWanted(); wait = Math.min(2 * wait, 10_000)) {
      try {
        const headers = { authorization: `Bearer ${this.connection.token}` };
        const response = await ask(`/api/rooms/user:me/history?limit=200`, { headers });
        if (response.ok) return (await response.json()).events;
      } catch {
        // Nobody there, for now.
      }
      await pause(wait);
    }
    return [];
  }

  #show(frame) {
    const { seq, type, data } = frame;
    if (seq !== undefined) {
      if (seq <= this.#seq) return; // the log has shown it
      this.#seq = seq;
    }
    switch (type) {
      case 'new_message': return this.#onNewMessage(frame);
      case 'ai_processing_start':
      case 'message_restart': return void this.view.running(data);
      case 'message_delta': return this.#onDelta(data);
      case 'message_snapshot': return this.#onSnapshot(data);
      case 'message': return this.view.finish(data);
      case 'message_deleted': return this.view.remove(data.message_id);
      default: return; // to be passed over
    }
  }

  #onNewMessage({ epoch, seq, data: { message_id, content, metadata } }) {
    const id = metadata.client_id ?? message_id;
    this.view.say(id, content, message_id);
    this.outbox.onStored(id, { epoch, seq });
  }

  #onDelta({ index, text, ...reply }) {
    const running = this.view.running(reply);
    if (running?.index !== index - 1) return; // a hole: wait for a snapshot
    running.index = index;
    this.view.follow(() => running.text.append(text));
  }

  #onSnapshot({ index, text, ...reply }) {
    const running = this.view.running(reply);
    if (!running) return;
    running.index = index;
    this.view.follow(() => running.text.replaceChildren(text));
  }
}

// ---------------------------------------------------------------------- view

/** Messages on the screen, by id. Text is only ever set as text, never as HTML. */
class View {
  #log = document.getElementById('log');
  #empty = document.getElementById('empty');
  #stop = document.getElementById('stop');
  #shown = new Map();

  clear() {
    this.#log.replaceChildren(this.#empty);
    this.#shown.clear();
    this.#stop.hidden = true;
  }

  isLoaded() {
    this.#empty.hidden = this.#shown.size > 0;
  }

  state(state, words) {
    const element = document.getElementById('state');
    element.dataset.state = state;
    element.textContent = words;
  }

  say(id, text, messageId) {
    const entry = this.#entry(id, 'user');
    entry.text.textContent = text;
    entry.messageId = messageId ?? entry.messageId;
  }

  /** Takes away what was deleted; where it was only a tombstone has no id. */
  remove(messageId) {
    const found = [...this.#shown].find(([id, entry]) => (entry.messageId ?? id) === messageId);
    if (!found) return;
    const [id, { element }] = found;
    element.remove();
    this.#shown.delete(id);
    this.#stop.hidden = !this.lastRunning;
    this.isLoaded();
  }

  /** The reply as it is being made; null where it has ended, or `attempt` is an earlier one. */
  running({ message_id, attempt }) {
    const reply = this.#entry(message_id, 'assistant');
    if (reply.isDone || attempt < reply.attempt) return null;
    if (attempt > reply.attempt) {
      Object.assign(reply, { attempt, index: -1 });
      reply.text.textContent = '';
      reply.element.ariaBusy = 'true';
      this.note(message_id, 'Assistant is typing…');
      this.#stop.hidden = false;
    }
    return reply;
  }

  get lastRunning() {
    return [...this.#shown].findLast(([, { element }]) => element.ariaBusy === 'true')?.[0];
  }

  finish({ message_id, content, finish_reason, metadata }) {
    const reply = this.#entry(message_id, 'assistant');
    reply.isDone = true;
    reply.element.ariaBusy = 'false';
    this.follow(() => reply.text.replaceChildren(content));
    const ending = { length: 'Cut at its limit · ', cancelled: 'Stopped · ', error: 'Failed: ask again · ' }[finish_reason] ?? '';
    this.note(message_id, `${ending}${metadata.model_used ?? ''} ${metadata.response_time} ms`, { bad: finish_reason === 'error' });
    this.#stop.hidden = !this.lastRunning;
  }

  note(id, words, { bad = false, retry } = {}) {
    const { footer } = this.#shown.get(id);
    footer.textContent = words;
    footer.classList.toggle('bad', bad);
    if (!retry) return;
    const button = footer.appendChild(document.createElement('button'));
    Object.assign(button, { className: 'plain', type: 'button', textContent: 'Try again', onclick: retry });
  }

  moveToEnd(id) {
    this.#log.append(this.#shown.get(id).element);
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  /** Changes the log, and keeps its end in sight where it was. */
  follow(change) {
    const isAtEnd = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < 80;
    change();
    if (isAtEnd) this.#log.scrollTop = this.#log.scrollHeight;
  }

  #entry(id, role) {
    if (this.#shown.has(id)) return this.#shown.get(id);
    const element = document.createElement('article');
    element.className = `message ${role}`;
    element.dataset.testid = `${role}-message`;
    const text = element.appendChild(document.createElement('p'));
    const footer = element.appendChild(document.createElement('span'));
    footer.className = 'note';
    const made = { element, text, footer, attempt: 0, index: -1, isDone: false };
    this.#shown.set(id, made);
    this.#empty.hidden = true;
    this.follow(() => this.#log.append(element));
    return made;
  }
}

// ------------------------------------------------------------------ together

const view = new View();
const connection = new Connection(new Identity(), {
  onReady: () => outbox.onConnection(),
  onHole: () => conversation.reload(),
  onFrame: (frame) => {
    if (frame.type === 'ack') outbox.onStored(frame.id, frame.data);
    else if (frame.type === 'error') outbox.onError(frame);
    else conversation.onFrame(frame);
  },
  onState: (state, words) => {
    view.state(state, words);
    if (state !== 'ready') outbox.onConnection();
  },
});
const outbox = new Outbox(connection, view);
const conversation = new Conversation(connection, outbox, view);

const input = document.getElementById('input');
const form = document.getElementById('form');

input.oninput = () => {
  const isTooLong = new Blob([input.value]).size > 32 * 1024;
  input.setCustomValidity(isTooLong ? 'A message may have 32 KiB: send it in parts.' : '');
};
input.onkeydown = (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
};
form.onsubmit = (event) => {
  event.preventDefault();
  const text = input.value.trim();
  input.value = '';
  if (text) outbox.say(text);
};
document.getElementById('stop').onclick = () => {
  const message_id = view.lastRunning;
  if (message_id) connection.send({ action: 'cancel', id: newId(), data: { message_id } });
};

connection.wake();
