import type { Opening } from './transport.js';

/** The query of an opening, but for its token: that goes where no access log looks. */
export function queryOf({ rooms, attempt, last, awayMs }: Opening): URLSearchParams {
  const query = new URLSearchParams();
  for (const { room, epoch, seq } of rooms) query.append('room', epoch ? `${room}@${epoch}:${seq}` : room);
  query.set('attempt', `${attempt}`);
  if (last) query.set('last', last);
  if (awayMs !== undefined) query.set('away_ms', `${awayMs}`);
  return query;
}
