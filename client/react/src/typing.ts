import type { Client } from '@causerie/client';
import { holdRoom } from '@causerie/client/conversation';
import { useMemo } from 'react';
import { useHandle, useSource } from './provider.js';
import { source } from './source.js';

/** Who types in a room, and that one does so oneself. */
export interface TypingView {
  /** The ids of those people who type now. */
  users: readonly string[];
  isAssistantTyping: boolean;
  /** Call it with each key that is pressed: the room is told as often as it needs to be. */
  typing(): void;
  /** The text was deleted. Sending it says as much. */
  stopTyping(): void;
}

interface Typists {
  users: readonly string[];
  isAssistantTyping: boolean;
}

const ASSISTANT = 'assistant';

const BEFORE: Typists = { users: [], isAssistantTyping: false };

/** Who types in a room; one's own if left out. Another one is joined while somebody looks. */
export function useTyping(room = 'user:me'): TypingView {
  const handle = useHandle();
  const make = (client: Client) =>
    source(BEFORE, (set) => {
      let shown = BEFORE.users;
      const look = () => {
        const all = client.typists(room);
        const users = all.filter((user) => user !== ASSISTANT);
        if (users.join() !== shown.join()) shown = users;
        set({ users: shown, isAssistantTyping: all.includes(ASSISTANT) });
      };
      look();
      const ends = [client.on('typing', look), holdRoom(client, room)];
      return () => {
        for (const end of ends) end();
      };
    });
  const typists = useSource(`typing ${room}`, make, BEFORE);
  const actions = useMemo(
    () => ({ typing: () => handle.client.typing(room), stopTyping: () => handle.client.stopTyping(room) }),
    [handle, room],
  );
  return useMemo(() => ({ ...typists, ...actions }), [typists, actions]);
}
