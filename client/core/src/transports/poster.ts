import { CauserieError } from '../errors.js';
import type { AckFrame, ClientFrame, ErrorFrame } from '../protocol/frames.js';
import { bodyOf, frameOf, type Server, toldBy } from './server.js';

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
export function poster(server: Server, token: string, stop: AbortController, answers: Answers) {
  let last: Promise<void> | undefined;

  async function post(frame: ClientFrame): Promise<void> {
    try {
      await last;
      const answer = await server.ask('api/actions', { token, body: frame, stop });
      // An error's body is the frame that a socket would have sent.
      const told = (await bodyOf(answer)) as AckFrame | ErrorFrame | null;
      const id = frame.id ?? '';
      const error = toldBy(answer, told);
      const { code, status = 0 } = error;
      if (told?.type && code !== 'unauthorized') return answers.onAnswer({ ...told, id }, frame);
      // What something on the way refuses is this frame, which it would refuse on the next connection too.
      if (code !== 'unreachable' || status < 400 || status > 428) throw error;
      answers.onAnswer(frameOf(error, id), frame);
    } catch (error) {
      answers.onFailure(error as CauserieError);
    }
  }

  return (frame: ClientFrame) => void (last = post(frame));
}
