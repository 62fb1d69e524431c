import { CauserieError } from '../errors.js';
import type { AckFrame, ClientFrame, ErrorFrame } from '../protocol/frames.js';
import { type Server, toldBy } from './server.js';

/** How what was posted fares. */
export interface Answers {
  onAnswer(frame: AckFrame | ErrorFrame, asked: ClientFrame): void;
  /** It is not known whether it was done. */
  onFailure(error: CauserieError): void;
}

/**
 * Sends actions by `POST /api/actions`, one after the other: so they take effect in their order,
 * as over a socket.
 */
export class Poster {
  readonly #server: Server;
  readonly #token: string;
  readonly #answers: Answers;
  #last: Promise<void> = Promise.resolve();
  readonly #stop = new AbortController();

  constructor(server: Server, token: string, answers: Answers) {
    this.#server = server;
    this.#token = token;
    this.#answers = answers;
  }

  post(frame: ClientFrame): void {
    this.#last = this.#last.then(() => this.#post(frame));
  }

  close(): void {
    this.#stop.abort();
  }

  async #post(frame: ClientFrame): Promise<void> {
    const { signal } = this.#stop;
    if (signal.aborted) return;
    try {
      const answer = await this.#server.ask('api/actions', { token: this.#token, body: frame, signal });
      // An error's body is the frame that a socket would have sent.
      const told = (await answer.clone().json().catch(() => ({}))) as AckFrame | ErrorFrame;
      if (signal.aborted) return;
      if (!told.type || (told.type === 'error' && told.code === 'unauthorized')) throw await toldBy(answer);
      this.#answers.onAnswer({ ...told, id: frame.id ?? '' }, frame);
    } catch (error) {
      if (!signal.aborted) this.#answers.onFailure(error as CauserieError);
    }
  }
}
