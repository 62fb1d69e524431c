// Real servers, as the client itself is tested with, and people who speak to them.
import type { Options } from '@causerie/client';
import { Cluster, type Node, tokenOf } from '../../../core/test/integration/support/cluster.js';
import { Person, SOCKET } from '../../../core/test/integration/support/person.js';
import { Proxy } from '../../../core/test/integration/support/proxy.js';

export { Proxy, SOCKET, tokenOf };
export type { Person };

export class Servers {
  readonly #cluster: Cluster;
  readonly #gateway: Node;
  readonly #ends: (() => unknown)[] = [];

  private constructor(cluster: Cluster, gateway: Node) {
    this.#cluster = cluster;
    this.#gateway = gateway;
  }

  static async start(): Promise<Servers> {
    const cluster = await Cluster.start();
    return new Servers(cluster, await cluster.gateway());
  }

  get url(): string {
    return this.#gateway.url;
  }

  /** How somebody connects. */
  options(user: string, more: Partial<Options> = {}): Options {
    const url = this.url;
    return { url, WebSocket: SOCKET, getToken: () => tokenOf(user), minDelayMs: 200, maxDelayMs: 1_000, ...more };
  }

  /** Somebody on another page. */
  person(user: string, rooms: string[] = []): Person {
    const person = new Person({ url: this.url, user, rooms });
    this.#ends.push(() => person.client.close());
    return person;
  }

  async proxy(): Promise<Proxy> {
    const proxy = await Proxy.to(this.url);
    this.#ends.push(() => proxy.shut());
    return proxy;
  }

  async end(): Promise<void> {
    for (const end of this.#ends) await end();
    await this.#cluster.end();
  }
}
