// The demo page: one conversation, shared by all tabs of this browser.
//
// It speaks the protocol `picasso-chat-v1` with nothing but what a browser has.
// `Connection` keeps one socket open and comes back by itself; the rest shows
// what it hears. Text is only ever set as text, never as HTML.

const page = new URL(location.href);
const tenant = page.searchParams.get('t') ?? 'demo';
const storage = (key) => ({
  get: () => localStorage.getItem(`causerie.${tenant}.${key}`),
  set: (value) => localStorage.setItem(`causerie.${tenant}.${key}`, value),
  clear: () => localStorage.removeItem(`causerie.${tenant}.${key}`),
});
const token = storage('token');
const session = storage('session');
const newId = () => [...crypto.getRandomValues(new Uint8Array(12))].map((b) => b.toString(16).padStart(2, '0')).join('');
if (!session.get()) session.set(newId());

// ---------------------------------------------------------------- connection

class Connection {
  #socket = null;
  #failures = 0;
  #wait = null;
  /** Where this page stands: {epoch, seq}, once it knows. */
  position = null;

  constructor({ onFrame, onState }) {
    Object.assign(this, { onFrame, onState });
    addEventListener('online', () => this.wake());
  }

  get isReady() {
    return this.#socket?.isReady === true && this.#socket.readyState === WebSocket.OPEN;
  }

  async open() {
    clearTimeout(this.#wait);
    this.#wait = null;
    this.onState('connecting', 'Connecting…');
    if (!token.get()) await visit();
    const socket = new WebSocket(this.#url('ws'), 'picasso-chat-v1');
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.type === 'ready') {
        this.#failures = 0;
        socket.isReady = true;
        this.onState('ready', 'Connected');
      }
      this.onFrame(frame);
    };
    socket.onclose = (event) => this.#onClose(event, socket.isReady === true);
  }

  send(frame) {
    if (this.isReady) this.#socket.send(JSON.stringify(frame));
  }

  /** Tries at once, where it was waiting for a better moment. */
  wake() {
    if (this.#wait !== null || this.#socket?.readyState === WebSocket.CLOSED) this.open();
  }

  async #onClose({ code, reason }, wasReady) {
    if (code === 4509) return this.onState('closed', 'Asleep. It wakes when you write.');
    if (code === 4500) this.#forget(); // come back as somebody new
    else if (code >= 4500) return this.onState('closed', `Closed: ${reason || code}`);
    const told = Number(/^reconnect after=(\d+)/.exec(reason)?.[1]);
    const refusal = wasReady ? null : await this.#whyRefused();
    if (refusal?.code === 'unauthorized' && token.get()) this.#forget();
    else if (refusal && !refusal.canRetry) return this.onState('closed', refusal.content);
    const longest = this.#failures === 0 ? 250 : Math.min(30_000, 500 * 2 ** this.#failures);
    this.#failures += 1;
    const delay = told || Math.max(Math.random() * longest, refusal?.retry_after_ms ?? 0);
    this.onState('offline', refusal?.content ?? 'Connection lost. Coming back…');
    this.#wait = setTimeout(() => this.open(), delay);
  }

  /** The next connection is another visitor's, whose room begins elsewhere. */
  #forget() {
    token.clear();
    this.position = null;
  }

  /** To a browser a failed handshake says nothing; a plain request says why. */
  async #whyRefused() {
    try {
      const response = await fetch(this.#url('http'));
      return response.status === 426 ? null : await response.json();
    } catch {
      return null; // nobody there
    }
  }

  #url(scheme) {
    const url = new URL('/ws', page);
    url.protocol = page.protocol.replace('http', scheme);
    url.searchParams.set('t', tenant);
    if (token.get()) url.searchParams.set('token', token.get());
    if (this.position) url.searchParams.set('room', `user:me@${this.position.epoch}:${this.position.seq}`);
    return url;
  }
}

/** Becomes a visitor, once for all tabs: the first to come does it for the others. */
async function visit() {
  const ask = async () => {
    if (token.get()) return;
    const body = JSON.stringify({ tenant_hash: tenant });
    const response = await fetch('/api/auth/session', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    if (response.ok) token.set((await response.json()).token);
  };
  // Where it fails, the handshake fails as well, and tells why.
  await (navigator.locks?.request('causerie.visit', ask) ?? ask()).catch(() => {});
}

// -------------------------------------------------------------- conversation

const log = document.getElementById('log');
const shown = new Map(); // message id, or own id until it has one → entry
const outbox = new Map(); // own id → frame that has not been acked

const connection = new Connection({ onFrame, onState });

function onState(state, words) {
  const element = document.getElementById('state');
  element.dataset.state = state;
  element.textContent = words;
}

function onFrame(frame) {
  if (frame.seq) connection.position = { epoch: frame.epoch, seq: frame.seq };
  on[frame.type]?.(frame.data ?? {}, frame);
}

const on = {
  ready: () => outbox.forEach((frame) => connection.send(frame)),

  async subscribed(_, { room, epoch, seq, recovered }) {
    if (!room.startsWith('user:')) return;
    connection.position = { epoch, seq };
    if (!recovered) await reload();
  },

  ack(data, { id }) {
    if (outbox.delete(id)) note(shown.get(id), '✓ sent');
  },

  error(_, { id, content, canRetry, retry_after_ms }) {
    const frame = outbox.get(id);
    if (!frame) return;
    if (canRetry && retry_after_ms) return setTimeout(() => connection.send(frame), retry_after_ms);
    outbox.delete(id);
    note(shown.get(id), content, { bad: true, retry: () => post(frame) });
  },

  new_message({ message_id, content, metadata }) {
    const own = shown.get(metadata.client_id);
    if (own) shown.set(message_id, own);
    else entry(message_id, 'user').text.textContent = content;
  },

  ai_processing_start({ message_id, attempt }) {
    running(message_id, attempt);
  },

  message_delta({ message_id, attempt, index, text }) {
    const reply = running(message_id, attempt);
    if (!reply || index !== reply.index + 1) return; // a hole: wait for a snapshot
    reply.index = index;
    follow(() => reply.text.append(text));
  },

  message_snapshot({ message_id, attempt, index, text }) {
    const reply = running(message_id, attempt);
    if (!reply) return;
    reply.index = index;
    follow(() => { reply.text.textContent = text; });
  },

  message_restart({ message_id, attempt }) {
    running(message_id, attempt);
  },

  message({ message_id, content, finish_reason, metadata }) {
    const reply = entry(message_id, 'assistant');
    reply.done = true;
    reply.element.ariaBusy = 'false';
    follow(() => { reply.text.textContent = content; });
    const ending = { stop: '', length: 'Cut at its limit · ', cancelled: 'Stopped · ', error: 'Failed: ask again · ' }[finish_reason] ?? '';
    note(reply, `${ending}${metadata.model_used ?? ''} ${metadata.response_time} ms`, { bad: finish_reason === 'error' });
    showStop();
  },
};

/** The reply as it is being made, or null where `attempt` is not the running one. */
function running(id, attempt) {
  const reply = entry(id, 'assistant');
  if (reply.done || attempt < reply.attempt) return null;
  if (attempt > reply.attempt) {
    Object.assign(reply, { attempt, index: -1 });
    reply.text.textContent = '';
  }
  if (reply.element.ariaBusy !== 'true') {
    reply.element.ariaBusy = 'true';
    note(reply, 'Assistant is typing…');
    showStop();
  }
  return reply;
}

function entry(id, role) {
  if (shown.has(id)) return shown.get(id);
  document.getElementById('empty').hidden = true;
  const element = document.createElement('article');
  element.className = `message ${role}`;
  element.dataset.testid = `${role}-message`;
  const text = element.appendChild(document.createElement('p'));
  const footer = element.appendChild(document.createElement('span'));
  footer.className = 'note';
  const made = { element, text, footer, attempt: 0, index: -1, done: false };
  shown.set(id, made);
  follow(() => log.append(element));
  return made;
}

function note(made, words, { bad = false, retry } = {}) {
  if (!made) return;
  made.footer.textContent = words;
  made.footer.classList.toggle('bad', bad);
  if (!retry) return;
  const button = made.footer.appendChild(document.createElement('button'));
  Object.assign(button, { className: 'plain', type: 'button', textContent: 'Try again', onclick: retry });
}

/** Changes the log, and keeps its end in sight where it was. */
function follow(change) {
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  change();
  if (atEnd) log.scrollTop = log.scrollHeight;
}

function runningReply() {
  return [...shown].findLast(([, made]) => made.element.ariaBusy === 'true')?.[0];
}

function showStop() {
  document.getElementById('stop').hidden = !runningReply();
}

/** Begins anew from the log: at the start, and where the server lost our place. */
async function reload() {
  const query = new URLSearchParams({ t: tenant, limit: '200' });
  const headers = token.get() ? { authorization: `Bearer ${token.get()}` } : {};
  const response = await fetch(`/api/rooms/user:me/history?${query}`, { headers });
  if (!response.ok) {
    if (response.status === 401) token.clear();
    return;
  }
  const { epoch, events } = await response.json();
  for (const made of new Set(shown.values())) made.element.remove();
  shown.clear();
  document.getElementById('empty').hidden = events.length > 0;
  for (const frame of events) on[frame.type]?.(frame.data, frame);
  connection.position = { epoch, seq: events.at(-1)?.seq ?? 0 };
  for (const frame of outbox.values()) showOwn(frame);
  showStop();
}

function showOwn(frame) {
  const own = entry(frame.id, 'user');
  own.text.textContent = frame.data.user_input;
  note(own, connection.isReady ? 'Sending…' : 'Queued until the connection is back');
}

function post(frame) {
  outbox.set(frame.id, frame);
  showOwn(frame);
  log.scrollTop = log.scrollHeight;
  connection.wake();
  connection.send(frame);
}

// --------------------------------------------------------------------- input

const input = document.getElementById('input');
const form = document.getElementById('form');

form.onsubmit = (event) => {
  event.preventDefault();
  const user_input = input.value.trim();
  if (!user_input) return;
  input.value = '';
  const id = newId();
  post({ action: 'sendMessage', id, data: { user_input, session_id: session.get(), metadata: { client_id: id } } });
};
input.onkeydown = (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
};
document.getElementById('stop').onclick = () => {
  const message_id = runningReply();
  if (message_id) connection.send({ action: 'cancel', id: newId(), data: { message_id } });
};

await visit();
await reload().catch(() => {}); // nobody there yet: the connection goes on trying
connection.open();
