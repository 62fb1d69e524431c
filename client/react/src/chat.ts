import type { Client } from '@causerie/client';
import { Conversation, type ConversationOptions, EMPTY, type Snapshot } from '@causerie/client/conversation';
import { useMemo } from 'react';
import { useHandle, useSource } from './provider.js';

/** A conversation, and what can be done in it. The functions stay the same. */
export interface Chat extends Snapshot {
  /**
   * Sends a message, which is in the list at once.
   *
   * @throws {CauserieError} `outbox_full`; `message_too_large` over 32 KiB, `invalid_message` if empty.
   */
  send: Conversation['send'];
  /** Takes back what is not stored, or ends the reply of this `key` or to it; without a key whatever is being answered. */
  cancel(key?: string): Promise<void>;
  /** Sends once more what has failed: the message of this `key`, or all. */
  retry(key?: string): void;
  /** Reads what was said before. */
  loadOlder(): Promise<void>;
}

/** One conversation: its messages in order, from when they are written. */
export function useChat({ room, sessionId }: ConversationOptions = {}): Chat {
  const handle = useHandle();
  const name = JSON.stringify(['chat', room, sessionId]);
  const make = (client: Client) => new Conversation(client, { room, sessionId });
  const snapshot = useSource(name, make, EMPTY);
  const actions = useMemo(() => {
    const conversation = () => handle.source(name, make);
    return {
      send: (...message: Parameters<Conversation['send']>) => conversation().send(...message),
      cancel: (key?: string) => conversation().cancel(key),
      retry: (key?: string) => conversation().retry(key),
      loadOlder: () => conversation().loadOlder(),
    };
  }, [handle, name]);
  return useMemo(() => ({ ...snapshot, ...actions }), [snapshot, actions]);
}
