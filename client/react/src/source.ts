/** A value that changes, as React reads one. It is the same object as long as nothing changes. */
export interface Source<T> {
  readonly snapshot: T;
  subscribe(listener: () => void): () => void;
}

/**
 * A value that is kept up to date while somebody has subscribed. `begin` sets it, now and with each
 * change, and gives what ends that.
 */
export function source<T extends object>(initial: T, begin: (set: (value: T) => void) => () => void): Source<T> {
  const listeners = new Set<() => void>();
  let snapshot = initial;
  let end: (() => void) | null = null;
  const set = (value: T) => {
    if (isLike(snapshot, value)) return;
    snapshot = value;
    for (const listener of [...listeners]) listener();
  };
  return {
    get snapshot() {
      return snapshot;
    },
    subscribe(listener) {
      // The same function may be given twice.
      const own = () => listener();
      listeners.add(own);
      end ??= begin(set);
      return () => {
        listeners.delete(own);
        // Strict mode lets go and takes hold again at once: that begins nothing anew.
        queueMicrotask(() => {
          if (listeners.size) return;
          end?.();
          end = null;
        });
      };
    },
  };
}

function isLike<T extends object>(one: T, other: T): boolean {
  const names = Object.keys(other) as (keyof T)[];
  return Object.keys(one).length === names.length && names.every((name) => Object.is(one[name], other[name]));
}
