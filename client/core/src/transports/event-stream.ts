/** What a stream of Server-Sent Events says. */
export interface Told {
  onEvent(type: string, data: string): void;
  /** When to come back, in milliseconds. */
  onRetry(ms: number): void;
}

/**
 * Reads Server-Sent Events as the HTML standard has them, from pieces cut anywhere. Their `id:` is
 * passed over: positions are kept by room.
 */
export class EventStreamReader {
  readonly #told: Told;
  #rest = '';
  #type = '';
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
    const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
    if (field === 'event') this.#type = value ?? '';
    else if (field === 'data') this.#data.push(value ?? '');
    else if (field === 'retry' && /^\d+$/.test(value ?? '')) this.#told.onRetry(Number(value));
  }

  #dispatch(): void {
    const [type, data] = [this.#type, this.#data];
    [this.#type, this.#data] = ['', []];
    if (data.length) this.#told.onEvent(type || 'message', data.join('\n'));
  }
}
