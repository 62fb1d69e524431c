/** Tells those who listen, in the order in which they came. */
export function emitter<Events extends object>() {
  const listeners = new Map<keyof Events, Set<(value: never) => void>>();
  return {
    /** Listens to `name`; the function that is returned stops it. */
    on<Name extends keyof Events>(name: Name, listener: (value: Events[Name]) => void): () => void {
      let all = listeners.get(name);
      if (!all) listeners.set(name, (all = new Set()));
      all.add(listener);
      return () => void all.delete(listener);
    },

    emit<Name extends keyof Events>(name: Name, value: Events[Name]): void {
      for (const listener of [...(listeners.get(name) ?? [])]) {
        try {
          (listener as (value: Events[Name]) => void)(value);
        } catch (error) {
          // A listener's fault is its page's to hear of, and must not end the connection.
          queueMicrotask(() => {
            throw error;
          });
        }
      }
    },
  };
}
