/** Nearer to the end than this is at the end, in pixels. */
const NEAR = 48;

/** Keeps the end of what is scrolled in sight, as long as the person has it in sight. */
export class EndKeeper {
  readonly #scroller: HTMLElement;
  #isAtEnd = true;

  constructor(scroller: HTMLElement, content: HTMLElement, onChange: (isAtEnd: boolean) => void) {
    this.#scroller = scroller;
    scroller.addEventListener('scroll', () => {
      const { scrollHeight, scrollTop, clientHeight } = scroller;
      const isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR;
      if (isAtEnd === this.#isAtEnd) return;
      this.#isAtEnd = isAtEnd;
      onChange(isAtEnd);
    }, { passive: true });
    // It grows, or a keyboard takes its room.
    const observer = new ResizeObserver(() => this.#isAtEnd && this.#jump());
    observer.observe(scroller);
    observer.observe(content);
  }

  get isAtEnd(): boolean {
    return this.#isAtEnd;
  }

  toEnd(): void {
    this.#isAtEnd = true;
    this.#jump();
  }

  /** What is in sight stays there while `change` puts something above `anchor`. */
  hold(anchor: Element | null, change: () => void): void {
    const topOf = () => anchor?.getBoundingClientRect().top ?? 0;
    const top = topOf();
    change();
    const moved = topOf() - top;
    if (moved && !this.#isAtEnd && anchor?.isConnected) this.#scroller.scrollTop += moved;
  }

  #jump(): void {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }
}
