import type { Client, Entry } from '@causerie/client';
import { useMemo } from 'react';
import { useHandle, useSource } from './provider.js';
import { source } from './source.js';

/** Messages of all rooms that are not stored yet. */
export interface OfflineQueue {
  /** In order. */
  entries: readonly Entry[];
  /** How many of them go out by themselves. */
  waiting: number;
  /** How many have failed, and wait to be processed by hand. */
  failed: number;
  /** Sends once more what has failed: the one of this `id`, or all. */
  process(id?: string): void;
  /** Takes back what is not sent: the one of this `id`, or all. */
  clear(id?: string): void;
}

interface Queue {
  entries: readonly Entry[];
}

const BEFORE: Queue = { entries: [] };

const make = (client: Client) =>
  source<Queue>(BEFORE, (set) => {
    const look = () => set({ entries: client.outbox.entries });
    look();
    return client.on('outbox', look);
  });

/** What waits to be sent, or has failed. */
export function useOfflineQueue(): OfflineQueue {
  const handle = useHandle();
  const { entries } = useSource('queue', make, BEFORE);
  const actions = useMemo(
    () => ({
      process: (id?: string) => handle.client.outbox.retry(id),
      clear: (id?: string) => handle.client.outbox.clear(id),
    }),
    [handle],
  );
  return useMemo(() => {
    const failed = entries.filter(({ state }) => state === 'failed').length;
    return { entries, failed, waiting: entries.length - failed, ...actions };
  }, [entries, actions]);
}
