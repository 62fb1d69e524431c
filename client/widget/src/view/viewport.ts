/**
 * Tells CSS, as `--viewport-height` and `--viewport-top`, what of the screen a keyboard leaves free: some
 * lay it over the page, which then does not know. The function that is returned ends it.
 */
export function followViewport(element: HTMLElement): () => void {
  const viewport = globalThis.visualViewport;
  if (!viewport) return () => {};
  const follow = () => {
    element.style.setProperty('--viewport-height', `${viewport.height}px`);
    element.style.setProperty('--viewport-top', `${viewport.offsetTop}px`);
  };
  const stop = new AbortController();
  for (const name of ['resize', 'scroll']) viewport.addEventListener(name, follow, { signal: stop.signal });
  follow();
  return () => stop.abort();
}
