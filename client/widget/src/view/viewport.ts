/**
 * Tells CSS, as `--viewport-height` and `--viewport-top`, what of the screen a keyboard leaves free, until
 * `signal`: some lay it over the page, which then does not know.
 */
export function followViewport({ style }: HTMLElement, signal: AbortSignal): void {
  const viewport = window.visualViewport;
  if (!viewport) return;
  const follow = () => {
    style.setProperty('--viewport-height', `${viewport.height}px`);
    style.setProperty('--viewport-top', `${viewport.offsetTop}px`);
  };
  for (const name of ['resize', 'scroll']) viewport.addEventListener(name, follow, { signal });
  follow();
}
