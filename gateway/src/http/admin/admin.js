// The installation, live, over /ws/status. What comes is shown as text, never as markup.
const KEPT = 'causerie-operator-token';
const NEWS = 100;
const LONGEST_PAUSE_MS = 10_000;

const at = (id) => document.getElementById(id);
let socket = null;
let pause = 500;

const none = '–';
const number = (value, digits = 1) =>
  value === null || value === undefined ? none : value.toLocaleString('en', { maximumFractionDigits: digits });
const percent = (value) => (value === null ? none : `${number(value, 2)} %`);
const bytes = (count) => `${number(count / (1 << 20), 0)} MiB`;
const clock = (ms) => new Date(ms).toLocaleTimeString('en-GB');
const since = (ms) => {
  const minutes = Math.max(0, Math.floor(ms / 60_000));
  if (minutes < 60) return `${minutes} min`;
  return minutes < 2_880 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 1_440)} d`;
};
const percentiles = ({ p50, p95, p99 }) => [p50, p95, p99].map((value) => number(value)).join(' / ');

function element(name, text, kind) {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function showFigures({ connections, figures, totals, store, ai_backends }) {
  const { per_second, percent: shares, latency_ms, first_text_ms } = figures;
  const rows = [
    ['Connections', number(connections.total)],
    ...Object.entries(connections.by_transport).map(([name, count]) => [`… ${name}`, number(count)]),
    ['Users', number(totals.sessions)],
    ['Rooms', number(totals.rooms)],
    ['Connects/s', number(per_second.connects)],
    ['Messages/s', number(per_second.messages)],
    ['Delivered/s', number(per_second.deliveries)],
    ['Errors/s', number(per_second.errors)],
    ['Delivery p50 / p95 / p99 ms', percentiles(latency_ms)],
    ['First text p50 / p95 / p99 ms', percentiles(first_text_ms)],
    ['Connections that succeed', percent(shares.connection_success)],
    ['Not delivered', percent(shares.delivery_failure)],
    ['Reconnections', percent(shares.reconnection)],
    ['Replies that fail', percent(shares.reply_failure)],
    ['Replies running / waiting', `${number(totals.replies_running)} / ${number(totals.replies_queued)}`],
    ['Longest wait for a reply to begin', `${number(totals.oldest_waits_ms / 1_000)} s`],
    ['Redis', store.is_reachable ? 'answers' : 'does not answer', store.is_reachable ? 'ok' : 'critical'],
    ...Object.entries(ai_backends).map(([name, states]) => {
      const kind = ['open', 'half_open', 'closed'].find((state) => states[state]);
      return [`AI ${name}`, kind.replace('_', ' '), kind];
    }),
  ];
  at('figures').replaceChildren(
    ...rows.map(([name, value, kind]) => {
      const box = document.createElement('div');
      box.append(element('dt', name), element('dd', value, kind));
      return box;
    }),
  );
}

function showNodes({ nodes, at_ms }) {
  at('nodes').replaceChildren(
    ...nodes.map((node) => {
      const total = Object.values(node.connections).reduce((sum, count) => sum + count, 0);
      const takes = node.max_connections > 0;
      const row = document.createElement('tr');
      const name = element('th', node.node);
      name.scope = 'row';
      row.append(
        name,
        element('td', node.program),
        element('td', node.state, node.state),
        element('td', since(at_ms - node.since_ms)),
        element('td', takes ? `${number(total)} of ${number(node.max_connections)}` : none),
        element('td', takes ? number(node.sessions) : none),
        element('td', number(node.replies_running)),
        element('td', takes ? number(node.figures.per_second.deliveries) : none),
        element('td', takes ? percentiles(node.figures.latency_ms) : none),
        element('td', `${number(node.cpu * 100, 0)} %`),
        element('td', bytes(node.memory_bytes)),
        element('td', `${number(node.event_loop_lag_ms, 0)} ms`),
        element('td', node.version),
      );
      return row;
    }),
  );
}

function showAlerts(alerts) {
  const shown = alerts.map(({ severity, message, raised_ms }) =>
    element('li', `${severity}, since ${clock(raised_ms)}: ${message}`, severity),
  );
  const wanted = shown.length ? shown : [element('li', 'None.')];
  const text = wanted.map(({ textContent }) => textContent).join('\n');
  // Told anew each time, a screen reader would read them each time.
  if (at('alerts').dataset.text === text) return;
  at('alerts').dataset.text = text;
  at('alerts').replaceChildren(...wanted);
}

function showNews(ms, text, kind) {
  at('news').prepend(element('li', `${clock(ms)} ${text}`, kind));
  while (at('news').children.length > NEWS) at('news').lastChild.remove();
}

function word(text) {
  at('word').textContent = text;
  at('word').className = text;
}

function onFrame({ type, ts, data }) {
  if (type === 'system_status_update') {
    at('enter').hidden = true;
    at('shown').hidden = false;
    word(data.status);
    at('from').textContent = `as ${data.node} sees it`;
    showAlerts(data.alerts);
    showFigures(data);
    showNodes(data);
  } else if (type === 'performance_alert') {
    showNews(ts, `${data.state}: ${data.message}`, data.state === 'raised' ? data.severity : 'ok');
  } else if (type === 'recovery_attempt') {
    showNews(ts, `${data.what} ${data.name}: ${data.outcome}`);
  }
}

async function refusal(token) {
  const answer = await fetch('/api/status/live', { headers: { Authorization: `Bearer ${token}` } }).catch(() => null);
  if (answer === null || answer.ok || answer.status >= 500 || answer.status === 429) return null;
  const { content } = await answer.json().catch(() => ({ content: `The gateway says ${answer.status}.` }));
  return content;
}

function leave(reason) {
  sessionStorage.removeItem(KEPT);
  const left = socket;
  socket = null;
  left?.close();
  at('shown').hidden = true;
  at('enter').hidden = false;
  at('refused').textContent = reason;
  word('not connected');
  at('from').textContent = '';
}

function watch(token) {
  const url = new URL('/ws/status', location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  const mine = new WebSocket(url, ['picasso-chat-v1', `bearer.${token}`]);
  socket = mine;
  mine.onopen = () => (pause = 500);
  mine.onmessage = ({ data }) => socket === mine && onFrame(JSON.parse(data));
  mine.onclose = async () => {
    if (socket !== mine) return;
    word('not connected');
    const reason = await refusal(token);
    if (socket !== mine) return;
    if (reason !== null) return leave(reason);
    at('from').textContent = 'coming back…';
    setTimeout(() => socket === mine && watch(token), pause);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  };
}

at('enter').onsubmit = (event) => {
  event.preventDefault();
  const token = at('token').value.trim();
  at('token').value = '';
  at('refused').textContent = '';
  // A subprotocol takes no other characters, nor does a token have them.
  if (!/^[\w.-]+$/.test(token)) return leave('That is no token.');
  sessionStorage.setItem(KEPT, token);
  watch(token);
};
at('leave').onclick = () => leave('');
const kept = sessionStorage.getItem(KEPT);
if (kept) watch(kept);
