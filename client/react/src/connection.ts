import { type Client, describe, isUp, type State } from '@causerie/client';
import { useMemo } from 'react';
import { useHandle, useSource } from './provider.js';
import { source } from './source.js';

/** A connection, and what can be done about it. */
export interface ConnectionView {
  state: State;
  /** Whether what is sent now goes out now. */
  isUp: boolean;
  /** The state in a sentence for a person. */
  text: string;
  /** Connects again, after `closed`. */
  reconnect(): void;
  /** Ends the connection, until `reconnect`. */
  close(): void;
}

const BEFORE: State = { name: 'connecting', attempt: 0, retryAt: null, reason: null };

const make = (client: Client) =>
  source<State>(BEFORE, (set) => {
    set(client.state);
    return client.on('state', set);
  });

/** How the connection is now. */
export function useConnection(): ConnectionView {
  const handle = useHandle();
  const state = useSource('connection', make, BEFORE);
  const actions = useMemo(
    () => ({ reconnect: () => handle.client.reconnect(), close: () => handle.client.close() }),
    [handle],
  );
  return useMemo(() => ({ state, isUp: isUp(state), text: describe(state), ...actions }), [state, actions]);
}
