import type { Client } from '../api.js';

type Joining = Pick<Client, 'ready' | 'join' | 'leave'>;

interface Held {
  /** How many hold it. */
  by: number;
  isIn: boolean;
  /** It is being joined or left. */
  isBusy: boolean;
}

const held = new WeakMap<Joining, Map<string, Held>>();

/** A room by its own name, where that is known. */
export function nameOf(client: Pick<Client, 'ready'>, room: string): string {
  return room === 'user:me' && client.ready ? `user:${client.ready.user_id}` : room;
}

/**
 * Is in a room until the function that is returned is called by all who hold it. It is left a moment
 * later, so that who lets go and takes hold again at once does not leave. Why it cannot be joined is
 * told by the client's `room`.
 */
export function holdRoom(client: Joining, room: string): () => void {
  const rooms = held.get(client) ?? new Map<string, Held>();
  held.set(client, rooms);
  const one = rooms.get(room) ?? { by: 0, isIn: false, isBusy: false };
  rooms.set(room, one);
  one.by += 1;
  void settle(client, room, one);
  let isHeld = true;
  return () => {
    if (!isHeld) return;
    isHeld = false;
    one.by -= 1;
    queueMicrotask(() => void settle(client, room, one));
  };
}

/** Joins or leaves, one after the other, until it is as those who hold it want. */
async function settle(client: Joining, room: string, one: Held): Promise<void> {
  if (one.isBusy) return;
  one.isBusy = true;
  while (one.isIn !== one.by > 0) {
    one.isIn = one.by > 0;
    if (!isGiven(client, room)) await (one.isIn ? client.join(room) : client.leave(room)).catch(() => {});
  }
  one.isBusy = false;
}

/** Where everybody is without joining. */
function isGiven(client: Joining, room: string): boolean {
  return room === 'tenant' || room === 'user:me' || room === nameOf(client, 'user:me');
}
