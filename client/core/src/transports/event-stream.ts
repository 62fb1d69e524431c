/** What a stream of Server-Sent Events says. */
export interface Told {
  onEvent(data: string): void;
  /** When to come back, in milliseconds. */
  onRetry(ms: number): void;
}

/**
 * Reads Server-Sent Events as the HTML standard has them, from pieces cut anywhere. Passed over are their
 * `id:`, since positions are kept by room, and their `event:`, since a frame names its type itself.
 */
export class EventStreamReader {
  readonly #told: Told;
  #rest = '';
  #data: string[] = [];

  constructor(told: Told) {
    this.#told = told;
  }

  read(piece: string): void {
    const text = this.#rest + piece;
    // A CR at the end may be half of a line break.
    const lines = text.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#onLine(line);
  }

  #onLine(line: string): void {
    if (line === '') return this.#dispatch();
    const [, field, value] = /^([^:]*):? ?(.*)/s.exec(line) as unknown as [string, string, string];
    if (field === 'data') this.#data.push(value);
    else if (field === 'retry' && /^\d+$/.test(value)) this.#told.onRetry(+value);
  }

  #dispatch(): void {
    const data = this.#data;
    this.#data = [];
    if (data.length) this.#told.onEvent(data.join('\n'));
  }
}
