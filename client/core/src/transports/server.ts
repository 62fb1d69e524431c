import { CauserieError, errorOf, noAnswer } from '../errors.js';
import type { ErrorFrame } from '../protocol/frames.js';
import type { ProtocolError } from '../protocol/generated/types.js';
import type { End } from './transport.js';

export interface Request {
  token?: string | undefined;
  /** Names with their values; those of `URLSearchParams` may come several times. */
  query?: URLSearchParams | Readonly<Record<string, string | number>> | undefined;
  /** Makes it a POST. */
  body?: unknown;
  /** Ends it, and is ended where no answer comes in time. */
  stop?: AbortController;
  /** How long an answer may take, in milliseconds. Of a stream: its beginning. */
  timeoutMs?: number;
}

const PATIENCE_MS = 10_000;

/** The server over HTTP. */
export class Server {
  /** Where all its paths begin. */
  readonly base: URL;
  readonly #fetch: typeof fetch;

  /** `url` may be http, https, ws or wss, and may have a path in front of the server's own. */
  constructor(url: string, fetch: typeof globalThis.fetch) {
    this.base = new URL(url.replace(/^ws/, 'http').replace(/\/*$/, '/'));
    // A browser's own wants to be called on nothing else than the window.
    this.#fetch = (input, init) => fetch(input, init);
  }

  url(path: string, query?: Request['query']): URL {
    const url = new URL(path, this.base);
    // It makes texts of numbers.
    url.search = `${new URLSearchParams(query as Record<string, string>)}`;
    return url;
  }

  /** The answer, whatever its status; fails with `unreachable` or `timeout`. */
  async ask(path: string, request: Request = {}): Promise<Response> {
    const { token, query, body, stop = new AbortController(), timeoutMs = PATIENCE_MS } = request;
    const headers: Record<string, string> = {};
    if (token) headers['authorization'] = `Bearer ${token}`;
    if (body) headers['content-type'] = 'application/json';
    const timer = setTimeout(() => stop.abort(), timeoutMs);
    try {
      return await this.#fetch(this.url(path, query), {
        method: body ? 'POST' : 'GET',
        headers,
        cache: 'no-store',
        signal: stop.signal,
        // Of nothing it makes nothing.
        body: JSON.stringify(body),
      });
    } catch (cause) {
      if (stop.signal.aborted) throw noAnswer();
      throw new CauserieError('unreachable', 'The server cannot be reached.', { cause });
    } finally {
      clearTimeout(timer);
    }
  }

  /** How long a short answer takes, in milliseconds. */
  async time(): Promise<number> {
    const start = performance.now();
    await this.ask('health/live');
    return performance.now() - start;
  }

  /** The body of a good answer; fails with the error that another one tells. */
  async json<T>(path: string, request?: Request): Promise<T> {
    const answer = await this.ask(path, request);
    const body = await bodyOf(answer);
    // A page to log in to some network is none, either.
    if (!answer.ok || !body) throw toldBy(answer, body);
    return body as T;
  }
}

/** What an answer says, if it is JSON. */
export async function bodyOf(answer: Response): Promise<unknown> {
  return answer.json().catch(() => null);
}

/** The error that an answer tells: the server's own, or one for what somebody between says. */
export function toldBy(answer: Response, body: unknown): CauserieError {
  const { status, headers } = answer;
  const told = body as ProtocolError | null;
  if (typeof told?.code === 'string') return errorOf(told, status);
  const retryAfterMs = parseInt(headers.get('retry-after') ?? '') * 1_000 || undefined;
  return new CauserieError('unreachable', `Something on the way answers ${status}.`, { status, retryAfterMs });
}

/** The frame by which a socket would have told the error that answers a request. */
export function frameOf(error: CauserieError, id: string): ErrorFrame {
  return { ...(error as object), type: 'error', id, content: error.message } as ErrorFrame;
}

/** How a link ends by an error. */
export function endBy(error: CauserieError): End {
  return { code: 1006, reason: error.message, error };
}

/** How a link ends whose opening was answered so. */
export async function endOf(answer: Response): Promise<End> {
  const error = toldBy(answer, await bodyOf(answer));
  const { code, status = 0 } = error;
  // What is no answer of ours is that of something on the way: it is down, or it forbids this.
  const isForbidden = code === 'unreachable' && status < 500;
  return { ...endBy(error), isBlocked: code === 'not_found' ? 'gone' : isForbidden ? 'path' : undefined };
}
