import type { CauserieError } from '../errors.js';
import type { ClientFrame, DurableEvent } from '../protocol/frames.js';
import type { SendMessageAck } from '../protocol/generated/types.js';
import { poster } from './poster.js';
import { endBy, frameOf, type Server } from './server.js';
import type { RoomAt, Transport } from './transport.js';

/** How many events are read at once. */
const PAGE = 500;

/** While nothing is awaited it asks as many times less often. */
const QUIET = 5;

/** A page of a room's log. */
export interface HistoryPage {
  epoch: string;
  events: DurableEvent[];
  has_more: boolean;
}

/** A reply, as `GET /api/messages/{id}` tells it. */
interface ReplySoFar {
  message_id: string;
  session_id: string;
  in_reply_to: string;
  room: string;
  state: 'queued' | 'running' | 'done';
  attempt: number;
  index: number;
  text: string;
}

interface Place {
  epoch: string;
  seq: number;
  isTold?: boolean;
}

/**
 * Plain requests alone. Rooms are heard by asking for their history beyond a position, so that
 * whatever is said in them is heard, by whomever and on whichever way; and replies to what was
 * asked here are shown as they grow. What is not durable, as typing, is not heard.
 *
 * `pollMs`: how often is asked while a reply is awaited, in milliseconds.
 */
export const polling = (server: Server, pollMs: number): Transport => (opening, { onFrame, onLife, onEnd }) => {
  const { token, userId = 'me' } = opening;
  const stop = new AbortController();
  /** Where each room is read from; null where nothing of it is known yet. */
  const places = new Map<string, Place | null>([`user:${userId}`, 'tenant'].map((room) => [room, null]));
  for (const at of opening.rooms) go(at);
  /** Own questions whose replies have not ended. */
  const awaited = new Set<string>();
  let isReady = false;
  let last = Promise.resolve();
  let timer: ReturnType<typeof setTimeout> | undefined;

  const get = <T>(path: string, query?: Record<string, number>) => server.json<T>(`api/${path}`, { token, query, stop });

  const pageOf = (room: string, query: Record<string, number>) => get<HistoryPage>(`rooms/${encodeURIComponent(room)}/history`, query);

  function go({ room, epoch, seq = 0 }: RoomAt): void {
    places.set(room, epoch ? { epoch, seq } : null);
  }

  /** Asks in so many milliseconds, and not before what was asked is answered: else older answers may come after newer ones. */
  function after(ms: number): void {
    clearTimeout(timer);
    timer = setTimeout(() => (last = last.then(poll)).catch(onFailure), ms);
  }

  const onFailure = (error: CauserieError) => onEnd(endBy(error));

  async function poll(): Promise<void> {
    for (const room of places.keys()) {
      await readRoom(room);
      onLife();
    }
    let hasEnded = false;
    for (const question of awaited) hasEnded = (await readReply(question)) || hasEnded;
    if (!stop.signal.aborted) after(hasEnded ? 0 : awaited.size ? pollMs : QUIET * pollMs);
  }

  async function readRoom(room: string): Promise<void> {
    const page = (query: Record<string, number>) => pageOf(room, query);
    let place = places.get(room);
    const news = place && (await page({ after: place.seq, limit: PAGE }));
    // Whether a position of a former life still holds only a stream could tell. Where the log begins behind the
    // position some of it is lost; in the tenant's room holes mean nothing.
    const next = room !== 'tenant' && news?.events[0]?.seq;
    const isRecovered = news?.epoch === place?.epoch && !(next && next > place!.seq + 1);
    if (!place || !isRecovered) {
      const { epoch, events } = await page({ limit: 1 });
      place = { epoch, seq: events.at(-1)?.seq ?? 0 };
      places.set(room, place);
    }
    // That the first room could be read shows that the server takes us.
    if (!isReady) onFrame({ type: 'ready', data: { user_id: userId, server_time: Date.now(), messages_per_minute: 60 } });
    isReady = true;
    const { epoch, seq } = place;
    if (!place.isTold) onFrame({ type: 'subscribed', room, epoch, seq, recovered: isRecovered });
    place.isTold = true;
    if (!news || !isRecovered) return;
    for (const event of news.events) {
      place.seq = event.seq;
      if (event.type === 'message') awaited.delete(event.data.in_reply_to);
      onFrame(event);
    }
    if (news.has_more) await readRoom(room);
  }

  /** Whether it has ended: then its room's log has it. */
  async function readReply(question: string): Promise<boolean> {
    const reply = await get<ReplySoFar>(`messages/${question}`).catch((error: CauserieError) => {
      if (error.code !== 'not_found') throw error;
      awaited.delete(question);
    });
    if (reply?.state === 'running') {
      onFrame({ ts: Date.now(), type: 'message_snapshot', room: reply.room, data: reply });
    }
    return reply?.state === 'done' && awaited.delete(question);
  }

  const post = poster(server, token, stop, {
    onAnswer(frame, asked) {
      onFrame(frame);
      if (frame.type !== 'ack' || asked.action !== 'sendMessage') return;
      if (asked.data?.ai !== false) awaited.add((frame.data as SendMessageAck).message_id);
      after(0);
    },
    onFailure,
  });

  function send(frame: ClientFrame): void {
    const { action, id = '', data } = frame;
    if (action !== 'subscribe' && action !== 'unsubscribe') return post(frame);
    const at = data as RoomAt;
    const answer = () => {
      onFrame({ type: 'ack', id, data });
      after(0);
    };
    if (action === 'unsubscribe') {
      places.delete(at.room);
      return answer();
    }
    // The other rooms go on without one that may not be read.
    const refuse = (error: CauserieError) => (error.code === 'forbidden' ? onFrame(frameOf(error, id)) : onFailure(error));
    const joined = () => {
      go(at);
      answer();
    };
    pageOf(at.room, { limit: 1 }).then(joined, refuse);
  }

  after(0);
  return {
    transport: 'http',
    canJoin: true,
    isTwoWay: false,
    send,
    async ping() {
      const ms = await server.time();
      onLife();
      return ms;
    },
    close() {
      clearTimeout(timer);
      stop.abort();
    },
  };
};
