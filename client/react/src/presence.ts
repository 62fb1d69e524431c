import { type Client, isUp, type RoomEvent, type Status } from '@causerie/client';
import { holdRoom, nameOf } from '@causerie/client/conversation';
import { useMemo } from 'react';
import { useHandle, useSource } from './provider.js';
import { source } from './source.js';

/** Somebody else in a room. */
export interface PersonPresent {
  userId: string;
  /** The name to show, where their token has one and it was told. */
  name: string | null;
  status: Status;
}

export interface PresenceView {
  /** Others who have come, or changed their status, since one looks. Whoever was there before and does nothing is not told. */
  people: readonly PersonPresent[];
  /** What one says to be, on whichever device; null where it was not said since one looks. */
  status: Status | null;
  /** Says so to all rooms that one is in. */
  setStatus(status: Status): Promise<void>;
}

interface Present {
  people: readonly PersonPresent[];
  status: Status | null;
}

const BEFORE: Present = { people: [], status: null };

function watch(client: Client, room: string, set: (present: Present) => void): () => void {
  let present = BEFORE;
  const show = (change: Partial<Present>) => set((present = { ...present, ...change }));
  const without = (user: string) => present.people.filter(({ userId }) => userId !== user);

  const onEvent = (event: RoomEvent) => {
    if (event.room !== nameOf(client, room)) return;
    switch (event.type) {
      case 'user_joined':
      case 'user_status_changed': {
        const { user_id: userId, status } = event.data;
        if (userId === client.ready?.user_id) return show({ status });
        const known = present.people.find((person) => person.userId === userId);
        const name = event.type === 'user_joined' ? event.data.name : (known?.name ?? null);
        const now = { userId, name, status };
        return show({
          people: known ? present.people.map((person) => (person === known ? now : person)) : [...present.people, now],
        });
      }
      case 'user_left':
        return show({ people: without(event.data.user_id) });
    }
  };

  set(BEFORE);
  const ends = [
    client.on('event', onEvent),
    // Who leaves meanwhile is not told.
    client.on('state', (state) => !isUp(state) && present.people.length && show({ people: [] })),
    holdRoom(client, room),
  ];
  return () => {
    for (const end of ends) end();
  };
}

/** Who is in a room, as far as it was told. The room is joined while somebody looks. */
export function usePresence(room: string): PresenceView {
  const handle = useHandle();
  const make = (client: Client) => source(BEFORE, (set) => watch(client, room, set));
  const present = useSource(`presence ${room}`, make, BEFORE);
  const setStatus = useMemo(() => (status: Status) => handle.client.setStatus(status), [handle]);
  return useMemo(() => ({ ...present, setStatus }), [present, setStatus]);
}
