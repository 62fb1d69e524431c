import { CauserieError } from '../errors.js';
import type { Storage } from '../storage/storage.js';
import type { Server } from '../transports/server.js';

/** Why a token is asked for. */
export type TokenReason = 'first' | 'expiring' | 'refused';

export type GetToken = (reason: TokenReason) => string | Promise<string>;

/** A token, and what can be read of it. */
export interface Identity {
  token: string;
  userId: string | undefined;
  /** By the server's clock, in milliseconds since 1970. */
  expiresAt: number | undefined;
}

/** Where tokens come from. */
export interface TokenSource {
  /** Visitors' tokens last for days, and cannot be renewed: afterwards one is somebody else. */
  readonly isOfVisitor: boolean;
  get(reason: TokenReason): Promise<unknown>;
  /** It was refused. */
  drop?(token: string): void;
}

/** Reads a JSON Web Token without verifying it, which is the server's business. */
export function read(token: string): Identity {
  let claims: { sub?: unknown; exp?: unknown } = {};
  try {
    claims = JSON.parse(atob((token.split('.')[1] as string).replace(/-/g, '+').replace(/_/g, '/')));
  } catch {
    // The server will say so.
  }
  const { sub, exp } = claims;
  return {
    token,
    userId: typeof sub === 'string' ? sub : undefined,
    expiresAt: typeof exp === 'number' ? exp * 1_000 : undefined,
  };
}

/** The token of a connection, and of all that is asked beside it. */
export class Tokens {
  readonly #source: TokenSource;
  #identity: Identity | null = null;
  #reason: TokenReason = 'first';
  #coming: Promise<Identity> | null = null;

  constructor(source: TokenSource) {
    this.#source = source;
  }

  get canRenew(): boolean {
    return !this.#source.isOfVisitor;
  }

  /** The present one, or a new one. */
  async get(): Promise<Identity> {
    return this.#reason === 'refused' || !this.#identity ? this.#fetch(this.#reason) : this.#identity;
  }

  /** A new one that lasts longer. */
  renew(): Promise<Identity> {
    return this.#fetch('expiring');
  }

  /** It was refused: another one is wanted. */
  forget(token: string): void {
    if (this.#identity?.token !== token) return;
    this.#reason = 'refused';
    this.#source.drop?.(token);
  }

  #fetch(reason: TokenReason): Promise<Identity> {
    // Whoever asks meanwhile gets the same one.
    this.#coming ??= this.#source
      .get(reason)
      .then((token) => this.#take(token))
      .finally(() => (this.#coming = null));
    return this.#coming;
  }

  #take(token: unknown): Identity {
    if (typeof token !== 'string' || !token) {
      throw new CauserieError('unauthorized', 'There is no token.');
    }
    const identity = read(token);
    if (this.canRenew && this.#identity && this.#identity.userId !== identity.userId) {
      throw new CauserieError('user_changed', 'The token is of another person.');
    }
    this.#reason = 'expiring';
    return (this.#identity = identity);
  }
}

/** Tokens that the page's own server makes. */
export function appTokens(getToken: GetToken): TokenSource {
  return {
    isOfVisitor: false,
    get: async (reason) => {
      try {
        return await getToken(reason);
      } catch (cause) {
        // The page may know better: that the person has logged out, for one.
        throw cause instanceof CauserieError ? cause : new CauserieError('no_token', 'No token came.', { cause });
      }
    },
  };
}

/** Tokens of visitors, which the server makes. All tabs that share a storage are one visitor. */
export function visitorTokens(server: Server, tenantHash: string, storage: Storage | null | undefined): TokenSource {
  const name = `causerie:${server.base}:${tenantHash}:token`;
  const become = async () => {
    const body = { tenant_hash: tenantHash };
    return (await server.json<{ token: string }>('api/auth/session', { body })).token;
  };
  return {
    isOfVisitor: true,
    get: () => storage?.token(name, become) ?? become(),
    drop: (token) => storage?.dropToken(name, token),
  };
}
