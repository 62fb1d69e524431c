// A client without a server: its own outbox and replies, and a log to read from.
import { type ConversationOptions, Conversation, type Talking } from '../../../src/conversation/index.js';
import { emitter } from '../../../src/emitter.js';
import type { CauserieError, ClientEvents, DurableEvent, HistoryRange, RoomEvent, SendMessage } from '../../../src/index.js';
import { Outbox, type OutboxOptions } from '../../../src/outbox/outbox.js';
import type { ClientFrame, ErrorFrame } from '../../../src/protocol/frames.js';
import { Replies } from '../../../src/rooms/replies.js';

const OWN = 'user:u1';

type Said = { id: string; seq: number; text?: string; session?: string; user?: string; room?: string };

export function said({ id, seq, text = id, session = 's', user = 'u1', room = OWN }: Said): DurableEvent {
  const data = { message_id: id, session_id: session, user_id: user, role: 'user' as const, content: text, metadata: {} };
  return { seq, epoch: 'e', ts: Date.now(), type: 'new_message', room, data };
}

type Replied = Said & { to: string; finish?: 'stop' | 'cancelled' | 'error' };

export function replied({ id, seq, to, text = id, session = 's', finish = 'stop', room = OWN }: Replied): DurableEvent {
  const metadata = {
    response_time: 1,
    model_used: null,
    token_count: null,
    prompt_tokens: null,
    time_to_first_token: null,
    attempt: 1,
  };
  const data = {
    message_id: id,
    session_id: session,
    in_reply_to: to,
    role: 'assistant' as const,
    content: text,
    sources: [],
    finish_reason: finish,
    metadata,
  };
  return { seq, epoch: 'e', ts: 1_000 + seq, type: 'message', room, data };
}

export function stage(options: ConversationOptions & { outbox?: Partial<OutboxOptions>; isThere?: boolean } = {}) {
  const { on, emit } = emitter<ClientEvents>();
  const defaults: OutboxOptions = { outboxLimit: 100, whenFull: 'refuse', messageTries: 3, messageTimeoutMs: 30_000 };
  const outbox = new Outbox({ ...defaults, ...options.outbox }, { onChange: (entry) => emit('outbox', entry) });
  const replies = new Replies((reply) => emit('reply', reply));
  const sent: ClientFrame[] = [];
  const asked: (HistoryRange & { answer(events: DurableEvent[], hasMore?: boolean): void; fail(error: CauserieError): void })[] = [];
  const calls: string[] = [];
  const client: Talking = {
    ready: { user_id: 'u1', server_time: 0, messages_per_minute: 600 },
    rooms: options.isThere ? [OWN] : [],
    get replies() {
      return replies.running;
    },
    outbox: {
      get entries() {
        return outbox.entries;
      },
      retry: (id) => outbox.retry(id),
      clear: (id) => outbox.clear(id),
    },
    on(name, listener) {
      calls.push(`on ${name}`);
      const end = on(name, listener);
      return () => {
        calls.push(`off ${name}`);
        end();
      };
    },
    send(text, { room, sessionId, ai } = {}) {
      const data = { user_input: text, room, session_id: sessionId, ai } as SendMessage;
      const { entry, acked } = outbox.put(data);
      return { id: entry.id, acked };
    },
    async cancel(messageId) {
      calls.push(`cancel ${messageId}`);
    },
    history: (_room, range = {}) =>
      new Promise((resolve, reject) => {
        const answer = (events: DurableEvent[], hasMore = false) => resolve({ epoch: 'e', events, hasMore });
        asked.push({ ...range, answer, fail: reject });
      }),
    async join(room) {
      calls.push(`join ${room}`);
    },
    async leave(room) {
      calls.push(`leave ${room}`);
    },
  };
  const conversation = new Conversation(client, options);
  let told = 0;
  const unsubscribe = conversation.subscribe(() => (told += 1));
  return {
    client,
    conversation,
    outbox,
    sent,
    asked,
    calls,
    unsubscribe,
    emit,
    get told() {
      return told;
    },
    get shown() {
      return conversation.snapshot.messages;
    },
    /** Each message as `text state`. */
    get lines() {
      return conversation.snapshot.messages.map(({ text, state }) => `${text} ${state}`);
    },
    up: () => outbox.onUp((frame) => sent.push(frame), { user_id: 'u1', server_time: 0, messages_per_minute: 600 }),
    ack: (at: number, id: string, seq: number) =>
      outbox.onAck(sent[at]?.id ?? '', { message_id: id, session_id: 's', room: OWN, epoch: 'e', seq }),
    error: (at: number, code: ErrorFrame['code']) =>
      outbox.onError({ type: 'error', id: sent[at]?.id ?? '', code, content: code, canRetry: false, fatal: false }),
    /** As the client tells what a room says. */
    hear(event: RoomEvent | object) {
      emit('event', event as RoomEvent);
      replies.onEvent(event as RoomEvent);
    },
    start: (id: string, to: string, session = 's') =>
      replies.onEvent({
        ts: 1,
        type: 'ai_processing_start',
        room: OWN,
        data: { message_id: id, session_id: session, in_reply_to: to, attempt: 1 },
      }),
    delta: (id: string, index: number, text: string, session = 's') =>
      replies.onEvent({
        ts: 1,
        type: 'message_delta',
        room: OWN,
        data: { message_id: id, session_id: session, attempt: 1, index, text },
      }),
    lose: () => replies.lose(OWN),
    reset(events: DurableEvent[], { hasMore = false, reason = 'joined' as 'joined' | 'lost', epoch = 'e' } = {}) {
      for (const event of events) if (event.type === 'message') replies.onEvent(event);
      const reset = { room: OWN, reason, epoch, events, hasMore };
      emit('reset', reset);
      if (reason === 'lost') outbox.onReset(reset);
    },
  };
}
