import type { Client, Options } from '@causerie/client';
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { Handle } from './handle.js';
import type { Source } from './source.js';

const Handles = createContext<Handle | null>(null);

export type CauserieProviderProps = { children?: ReactNode } & (
  | {
      /** A client that was made, and is closed, elsewhere. */
      client: Client;
      options?: never;
    }
  | {
      /** How to connect: once, as soon as the tree is there; the connection ends with the tree. */
      options: Options;
      client?: never;
    }
);

/** Gives the components in it a client. */
export function CauserieProvider({ client, options, children }: CauserieProviderProps): ReactNode {
  // Those of the first time: with each later rendering they would be new ones.
  const [own] = useState(() => (options ? new Handle({ options }) : null));
  const given = useMemo(() => (client ? new Handle({ client }) : null), [client]);
  const handle = given ?? own;
  if (!handle) throw new Error('A CauserieProvider needs a `client`, or from the first time on `options`.');
  useEffect(() => handle.hold(), [handle]);
  return <Handles.Provider value={handle}>{children}</Handles.Provider>;
}

export function useHandle(): Handle {
  const handle = useContext(Handles);
  if (!handle) throw new Error('This hook has to be used inside a <CauserieProvider>.');
  return handle;
}

/**
 * What is looked at under this name. Before it has begun, as on a server, it is `empty`. What `make`
 * makes has to be told by the name.
 */
export function useSource<T>(name: string, make: (client: Client) => Source<T>, empty: T): T {
  const handle = useHandle();
  const subscribe = useCallback(
    (listener: () => void) => {
      handle.wake();
      return handle.source(name, make).subscribe(listener);
    },
    [handle, name],
  );
  const read = () => handle.peek<Source<T>>(name)?.snapshot ?? empty;
  return useSyncExternalStore(subscribe, read, () => empty);
}

const never = () => {};

/** The client, for whatever has no hook of its own; null on a server, and while rendering for the first time. */
export function useClient(): Client | null {
  const handle = useHandle();
  const subscribe = useCallback(() => {
    handle.wake();
    // To ask for it is what makes it; React looks again when it has subscribed.
    void handle.client;
    return never;
  }, [handle]);
  return useSyncExternalStore(
    subscribe,
    () => handle.present,
    () => null,
  );
}
