import type { Client, ClientEvents, History, HistoryRange } from './api.js';
import { bytesOf } from './bytes.js';
import { Connection } from './connection/connection.js';
import { Ladder } from './connection/ladder.js';
import { appTokens, type Identity, Tokens, visitorTokens } from './connection/tokens.js';
import { emitter } from './emitter.js';
import { CauserieError, errorOf, noAnswer, noConnection } from './errors.js';
import { type Options, settle } from './options.js';
import { Outbox } from './outbox/outbox.js';
import { MAX_USER_INPUT } from './protocol/generated/constants.js';
import type { Actions, Greeting, RoomEvent, ServerFrame } from './protocol/frames.js';
import type { SendMessage, SendMessageAck, Subscribe } from './protocol/generated/types.js';
import type { Shelf } from './storage/storage.js';
import { Requests } from './requests.js';
import { Replies } from './rooms/replies.js';
import { type Reset, Rooms } from './rooms/rooms.js';
import { TypingSender } from './typing/sender.js';
import { TypingWatcher } from './typing/watcher.js';
import { type HistoryPage, polling } from './transports/polling.js';
import { Server } from './transports/server.js';
import { streaming } from './transports/streaming.js';
import { type Link, MODES, type Transports } from './transports/transport.js';
import { webSocket } from './transports/websocket.js';

/** One's own room. */
const OWN = 'user:me';

/**
 * Connects to a server. The client comes back by itself, misses nothing, and says nothing twice.
 *
 * @throws {TypeError} naming an option that is wrong, and what is allowed.
 */
export function connect(options: Options): Client {
  const settings = settle(options);
  const { getToken, tenantHash, storage } = settings;
  const { on, emit } = emitter<ClientEvents>();
  const server = new Server(settings.url, settings.fetch);
  const tokens = new Tokens(getToken ? appTokens(getToken) : visitorTokens(server, tenantHash, storage));
  const transports: Transports = {
    // Node before 22 has none.
    websocket: settings.WebSocket && webSocket(server, settings.WebSocket),
    streaming: streaming(server),
    http: polling(server, settings.pollMs),
  };
  const requests = new Requests(settings.messageTimeoutMs);
  const replies = new Replies((reply) => emit('reply', reply));
  const typists = new TypingWatcher((typing) => emit('typing', typing));
  const typing = new TypingSender((room, is_typing) => {
    connection.link?.send({ action: 'typing', data: { room, is_typing } });
  });
  const outbox = new Outbox(settings, {
    onChange(entry) {
      emit('outbox', entry);
      shelf?.save(outbox.entries);
    },
  });
  const rooms = new Rooms(settings, {
    onEvent,
    onReset,
    onMembership: (membership) => emit('room', membership),
    onLost: (room) => {
      replies.lose(room);
      typists.clear(room);
    },
    readHistory,
  });
  const connection = new Connection(settings, transports, tokens, {
    onIdentity,
    roomsToName: (isBare) => rooms.toName(isBare),
    onReady,
    onFrame,
    onDown,
    authenticate: (token) => requests.ask('authenticate', { token }),
    onState: (state) => {
      tellIfClosed();
      emit('state', state);
    },
  });
  let ladder: Ladder | undefined;
  let shelf: Shelf | undefined;
  let ready: Greeting | null = null;

  // ------------------------------------------------------------- the connection

  function onIdentity({ userId }: Identity): Ladder {
    rooms.onIdentity(userId);
    // All visitors on one storage are the same one.
    shelf ??= storage?.shelf(`causerie:${server.base}:${tenantHash}:${getToken ? userId : ''}:outbox`, {
      onGone: (id) => outbox.clear(id, new CauserieError('elsewhere', 'Another tab did it.')),
      onError: (error) => emit('error', error),
    });
    void shelf?.take().then((entries) => {
      outbox.adopt(entries);
      shelf?.save(outbox.entries);
    });
    const names = MODES[settings.mode].filter((name) => transports[name]);
    return (ladder ??= new Ladder(names, settings.fallbackAfter));
  }

  function onReady(told: Greeting, link: Link): void {
    ready = told;
    const send = link.send.bind(link);
    requests.onUp(send);
    outbox.onUp(send, told);
    const { unnamed } = rooms;
    if (link.canJoin) for (const room of unnamed) void joinNow(room);
    else if (unnamed[0] && rooms.canNameMore) void joinNow(unnamed[0]);
  }

  function onDown(): void {
    requests.onDown();
    outbox.onDown();
    rooms.onDown();
    typing.onDown();
    typists.clear();
  }

  // ---------------------------------------------------------------- what comes

  function onFrame(frame: ServerFrame): void {
    switch (frame.type) {
      case 'subscribed':
        return rooms.onSubscribed(frame);
      case 'unsubscribed':
        return rooms.onUnsubscribed(frame.room);
      case 'ack':
        if (!outbox.onAck(frame.id, frame.data as SendMessageAck)) requests.onAck(frame.id, frame.data);
        return;
      case 'error':
        if (!outbox.onError(frame) && !requests.onError(frame)) emit('error', errorOf(frame));
        return;
      default:
        if ('room' in frame) rooms.onEvent(frame);
    }
  }

  function onEvent(event: RoomEvent): void {
    typists.onEvent(event);
    emit('event', event);
    replies.onEvent(event);
  }

  function onReset(reset: Reset): void {
    for (const event of reset.events) if (event.type === 'message') replies.onEvent(event);
    emit('reset', reset);
    if (reset.reason === 'lost' && settings.historyLimit) outbox.onReset(reset);
  }

  // -------------------------------------------------------------- what is asked

  /** While it is closed nobody waits for it: they hear why it is. */
  function tellIfClosed(): void {
    const { state } = connection;
    if (state.name !== 'closed') return;
    const { error } = state.reason;
    requests.fail(error);
    outbox.onClosed(error);
    shelf?.close();
  }

  async function ask<Action extends keyof Actions>(action: Action, data: Actions[Action]): Promise<void> {
    connection.act();
    const answer = requests.ask(action, data);
    tellIfClosed();
    await answer;
  }

  /** Without a connection there is nothing to do: as soon as there is one, all that is wanted is joined. */
  function joinNow(room: string): Promise<void> {
    const canJoin = connection.link?.canJoin;
    const asked = canJoin ? (requests.ask('subscribe', rooms.at(room) as Subscribe) as Promise<void>) : connection.reopen();
    const joined = asked.catch((refused: CauserieError) => {
      // What failed with the connection is joined by the next one.
      if (!refused.canRetry) {
        const name = rooms.nameOf(room);
        // A connection that names all rooms is refused for one of them.
        const culprit = rooms.unjoined.find((other) => refused.message.split('`').includes(other)) ?? name;
        rooms.onUnsubscribed(culprit, refused);
        const [other] = rooms.unjoined;
        const again = canJoin || !other || joinNow(other);
        if (culprit !== name) return again as Promise<void>;
      }
      throw refused;
    });
    // Who asked need not listen: `room` tells of it.
    joined.catch(() => {});
    return joined;
  }

  async function readHistory(room = OWN, range: HistoryRange = {}): Promise<History> {
    const { token } = await tokens.get();
    const path = `api/rooms/${encodeURIComponent(room)}/history`;
    const { has_more: hasMore, ...page } = await server.json<HistoryPage>(path, { token, query: { ...range } });
    return { ...page, hasMore };
  }

  const client: Client = {
    get state() {
      return connection.state;
    },
    get ready() {
      return ready;
    },
    get rooms() {
      return rooms.joined;
    },
    get replies() {
      return replies.running;
    },
    anomalies: rooms.anomalies,
    outbox: {
      get entries() {
        return outbox.entries;
      },
      retry(id) {
        connection.act();
        outbox.retry(id);
      },
      clear: (id) => outbox.clear(id),
    },
    on,

    send(text, { room, sessionId, ai, ifBusy, context, metadata } = {}) {
      const bytes = bytesOf(text);
      if (!bytes || bytes > MAX_USER_INPUT) {
        throw new CauserieError(bytes ? 'message_too_large' : 'invalid_message', 'A message has 1 byte to 32 KiB of text.');
      }
      // What is not given is not in the frame: JSON knows no `undefined`.
      const data = { user_input: text, room, session_id: sessionId, ai, if_busy: ifBusy, conversation_context: context, metadata };
      const { entry, acked } = outbox.put(data as SendMessage);
      typing.stop(room ?? OWN);
      connection.act();
      tellIfClosed();
      return { id: entry.id, acked };
    },
    cancel: (message_id) => ask('cancel', { message_id }),
    delete: (room, message_id) => ask('delete', { room, message_id }),
    read: (room, seq) => ask('read', { room, seq }),
    setStatus: (status) => ask('status', { status }),

    typing(room = OWN) {
      if (settings.enableTypingIndicators && connection.link) typing.type(room);
    },
    stopTyping: (room = OWN) => typing.stop(room),
    typists: (room = OWN) => typists.users(rooms.nameOf(room)),

    join(room) {
      rooms.want(room);
      connection.act();
      return rooms.isJoined(room) ? Promise.resolve() : joinNow(room);
    },
    async leave(room) {
      // Where nobody answers, the next connection does not join it.
      const forget = () => rooms.onUnsubscribed(rooms.nameOf(room));
      // Also where it is only being joined.
      if (connection.link?.canJoin) {
        await requests.ask('unsubscribe', { room }).finally(forget);
      } else {
        forget();
        await connection.reopen();
      }
    },

    history: readHistory,
    ping: () =>
      new Promise((resolve, reject) => {
        const { link, state } = connection;
        if (!link) return reject(state.name === 'closed' ? state.reason.error : noConnection());
        const timer = setTimeout(() => reject(noAnswer()), settings.pongTimeoutMs);
        link.ping().then(resolve, reject).finally(() => clearTimeout(timer));
      }),
    reconnect: () => connection.start(),
    close: () => connection.close(),
  };
  for (const room of settings.rooms) rooms.want(room);
  connection.start();
  return client;
}
