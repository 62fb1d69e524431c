import { type CauserieError, errorOf, noAnswer, noConnection } from './errors.js';
import { newId } from './ids.js';
import type { Actions, ClientFrame, ErrorFrame } from './protocol/frames.js';

interface Pending {
  frame: ClientFrame;
  resolve(data: unknown): void;
  reject(error: CauserieError): void;
  timer: ReturnType<typeof setTimeout>;
}

/**
 * Actions that are answered, but for messages. Each of them may be done twice without harm, so those
 * that have no answer when a connection ends are sent again on the next.
 */
export class Requests {
  readonly #timeoutMs: number;
  readonly #pending = new Map<string, Pending>();
  #send: ((frame: ClientFrame) => void) | null = null;

  /** `timeoutMs`: how long an answer is waited for, connected or not. */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  ask<Action extends keyof Actions>(action: Action, data: Actions[Action]): Promise<unknown> {
    const id = newId();
    const frame = { action, id, data } as ClientFrame;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#settle(id)?.reject(noAnswer()), this.#timeoutMs);
      this.#pending.set(id, { frame, resolve, reject, timer });
      this.#send?.(frame);
    });
  }

  onUp(send: (frame: ClientFrame) => void): void {
    this.#send = send;
    for (const { frame } of this.#pending.values()) send(frame);
  }

  /** The connection is gone. What concerns it alone has failed. */
  onDown(): void {
    this.#send = null;
    for (const [id, { frame }] of this.#pending) {
      if (frame.action.endsWith('subscribe')) this.#settle(id)?.reject(noConnection());
    }
  }

  /** There will be no connection. */
  fail(error: CauserieError): void {
    for (const id of this.#pending.keys()) this.#settle(id)?.reject(error);
  }

  onAck(id: string, data: unknown): void {
    this.#settle(id)?.resolve(data);
  }

  /** Whether the error was an answer. */
  onError(frame: ErrorFrame): boolean {
    const pending = this.#settle(frame.id ?? '');
    pending?.reject(errorOf(frame));
    return !!pending;
  }

  #settle(id: string): Pending | undefined {
    const pending = this.#pending.get(id);
    clearTimeout(pending?.timer);
    this.#pending.delete(id);
    return pending;
  }
}
