// A page for React to render to, with Node's own network. To be imported before React's DOM.
import { Window } from 'happy-dom';

const window = new Window({ url: 'http://page.example/' });

/** What the page listens to, by the names of the events. */
export const listened: string[] = [];

type Listen = (name: string, listener: () => void, options?: { signal?: AbortSignal }) => void;

/** Counts until the signal that is given ends it. */
function counting(listen: Listen): Listen {
  return (name, listener, options) => {
    listen(name, listener, options);
    if (!options?.signal) return;
    listened.push(name);
    options.signal.addEventListener('abort', () => listened.splice(listened.indexOf(name), 1));
  };
}

const { document } = window;
const page = new EventTarget();
(document as unknown as { addEventListener: Listen }).addEventListener = counting(
  document.addEventListener.bind(document) as unknown as Listen,
);
Object.assign(globalThis, {
  window,
  document,
  // Node has none before 21.
  ...('navigator' in globalThis ? {} : { navigator: window.navigator }),
  HTMLElement: window.HTMLElement,
  HTMLIFrameElement: window.HTMLIFrameElement,
  Node: window.Node,
  addEventListener: counting(page.addEventListener.bind(page) as Listen),
});
