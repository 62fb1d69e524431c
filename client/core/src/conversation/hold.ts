import type { Client } from '../api.js';

type Joining = Pick<Client, 'ready' | 'join' | 'leave'>;

/** How many hold each room. */
const held = new WeakMap<Joining, Map<string, number>>();

/** A room by its own name, where that is known. */
export function nameOf(client: Pick<Client, 'ready'>, room: string): string {
  return room === 'user:me' && client.ready ? `user:${client.ready.user_id}` : room;
}

/** Where everybody is without joining. */
function isGiven(client: Joining, room: string): boolean {
  return room === 'tenant' || room === 'user:me' || room === nameOf(client, 'user:me');
}

/**
 * Is in a room until the function that is returned is called by all who hold it. It is left a moment
 * later, so that who lets go and takes hold again at once does not leave. Why it cannot be joined is
 * told by the client's `room`.
 */
export function holdRoom(client: Joining, room: string): () => void {
  const rooms = held.get(client) ?? new Map<string, number>();
  held.set(client, rooms);
  if (!rooms.has(room) && !isGiven(client, room)) client.join(room).catch(() => {});
  rooms.set(room, (rooms.get(room) ?? 0) + 1);
  let isHeld = true;
  return () => {
    if (!isHeld) return;
    isHeld = false;
    rooms.set(room, (rooms.get(room) ?? 0) - 1);
    queueMicrotask(() => {
      if (rooms.get(room) !== 0) return;
      rooms.delete(room);
      if (!isGiven(client, room)) client.leave(room).catch(() => {});
    });
  };
}
