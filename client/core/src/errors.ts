import type { ErrorCode, ProtocolError, Scope } from './protocol/generated/types.js';

/** What went wrong here rather than at the server. */
export type LocalErrorCode =
  /** The outbox holds as many messages as it may. */
  | 'outbox_full'
  /** A later message took this one's place in a full outbox. */
  | 'dropped'
  /** It was taken out of the outbox by hand. */
  | 'cleared'
  /** Another tab has sent it, or taken it out. */
  | 'elsewhere'
  /** It has waited so long that the server may not know it again. */
  | 'expired'
  /** It was stored, and the server has lost it since. */
  | 'lost'
  /** No answer came in time. */
  | 'timeout'
  /** Nobody answers there, or the connection ended before the answer. */
  | 'unreachable'
  /** `getToken` failed. */
  | 'no_token'
  /** `getToken` gave another person's token. */
  | 'user_changed'
  /** The connection is closed, and does not come back by itself. */
  | 'closed'
  /** The storage failed. */
  | 'storage';

/** Of the errors that are made here, those that may pass. */
const PASSING = /outbox_full|expired|lost|timeout|unreachable|no_token/;

export interface ErrorDetails {
  /** Whether the same may succeed later. */
  canRetry?: boolean;
  /** How long to wait before trying again, in milliseconds. */
  retryAfterMs?: number | undefined;
  /** What the limit that was met is counted for. */
  scope?: Scope | undefined;
  /** The limit that was met. */
  limit?: number | undefined;
  /** The HTTP status, where the error came over HTTP. */
  status?: number | undefined;
  cause?: unknown;
}

/** Every error of this package. `message` is a sentence for a person. */
export class CauserieError extends Error {
  declare readonly code: ErrorCode | LocalErrorCode;
  declare readonly canRetry: boolean;
  declare readonly retryAfterMs: number | undefined;
  declare readonly scope: Scope | undefined;
  declare readonly limit: number | undefined;
  declare readonly status: number | undefined;

  constructor(code: ErrorCode | LocalErrorCode, message: string, details?: ErrorDetails) {
    super(message);
    Object.assign(this, { name: 'CauserieError', code, canRetry: PASSING.test(code), ...details });
  }
}

/** The error that a frame or the body of an answer tells. */
export function errorOf(told: ProtocolError, status?: number): CauserieError {
  const { code, content, canRetry, retry_after_ms: retryAfterMs, scope, limit } = told;
  return new CauserieError(code, content, { canRetry, retryAfterMs, scope, limit, status });
}

export const noAnswer = () => new CauserieError('timeout', 'No answer came in time.');

export const noConnection = () => new CauserieError('unreachable', 'There is no connection.');
