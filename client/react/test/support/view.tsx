// What a hook gives in a tree that is rendered as a page would: without `act`, so that React renders
// when and in as many pieces as it likes.
import { type ReactNode, StrictMode, useEffect } from 'react';
import { createRoot } from 'react-dom/client';
import { expect } from 'vitest';
import { CauserieProvider, type CauserieProviderProps } from '../../src/index.js';

const PATIENCE_MS = 30_000;

export class View<T> {
  /** All that was shown, one for each time that React has put it on the page. */
  readonly shown: T[] = [];
  readonly #waiting = new Set<() => void>();

  get now(): T {
    const last = this.shown.at(-1);
    if (last === undefined) throw new Error('nothing is shown yet');
    return last;
  }

  show(value: T): void {
    this.shown.push(value);
    for (const look of [...this.#waiting]) look();
  }

  /** Waits until what is shown is as wanted. */
  is(what: string, isIt: (value: T) => boolean): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const value = this.shown.at(-1);
        if (value === undefined || !isIt(value)) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(value);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        reject(new Error(`${what}: shown is ${JSON.stringify(this.shown.at(-1))}`));
      }, PATIENCE_MS);
      this.#waiting.add(look);
      look();
    });
  }
}

/** Puts what a hook gives into a view. */
export function Shown<T>({ of, to, children }: { of: () => T; to: View<T>; children?: (value: T) => ReactNode }): ReactNode {
  const value = of();
  useEffect(() => to.show(value), [to, value]);
  return children?.(value) ?? null;
}

export type Given = Omit<CauserieProviderProps, 'children'> & { isStrict?: boolean };

export function within({ isStrict = false, ...given }: Given, children: ReactNode): ReactNode {
  const tree = <CauserieProvider {...(given as CauserieProviderProps)}>{children}</CauserieProvider>;
  return isStrict ? <StrictMode>{tree}</StrictMode> : tree;
}

const roots = new Set<() => void>();

/** Ends all trees that a test has begun. */
export function unmountAll(): void {
  for (const unmount of [...roots]) unmount();
}

/** A tree on the page. */
export function mount(tree: ReactNode): { place: HTMLElement; render(tree: ReactNode): void; unmount(): void } {
  const place = document.body.appendChild(document.createElement('div'));
  const root = createRoot(place);
  const unmount = () => {
    if (!roots.delete(unmount)) return;
    root.unmount();
    place.remove();
  };
  roots.add(unmount);
  root.render(tree);
  return { place, render: (next) => root.render(next), unmount };
}

/** A hook in a tree of its own. */
export function hook<T>(of: () => T, given: Given): View<T> & { unmount(): void } {
  const view = new View<T>();
  const { unmount } = mount(within(given, <Shown of={of} to={view} />));
  return Object.assign(view, { unmount });
}

/** React has complained of nothing. */
export function isQuiet(error: { mock: { calls: unknown[][] } }): void {
  expect(error.mock.calls).toEqual([]);
}
