// A client with a memory: what it has been told, to wait for.
import { WebSocket as NodeWebSocket } from 'ws';
import { type Client, type ClientEvents, connect, type Options, type RoomEvent } from '../../../src/index.js';
import { tokenOf } from './cluster.js';

type Told = { [Name in keyof ClientEvents]: { name: Name; value: ClientEvents[Name] } }[keyof ClientEvents];

const NAMES = ['state', 'event', 'reply', 'outbox', 'typing', 'reset', 'room', 'error'] as const;

const PATIENCE_MS = 30_000;

type SocketClass = NonNullable<Options['WebSocket']>;

/** Node has one of its own from 22 on. */
export const SOCKET = globalThis.WebSocket ?? (NodeWebSocket as unknown as SocketClass);

export class Person {
  readonly client: Client;
  readonly told: Told[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(options: Partial<Options> & { url: string; user?: string }) {
    const { user = 'u1', ...rest } = options;
    const identity = rest.tenantHash ? {} : { getToken: () => tokenOf(user) };
    this.client = connect({ WebSocket: SOCKET, ...identity, ...rest });
    for (const name of NAMES) {
      this.client.on(name, (value) => {
        this.told.push({ name, value } as Told);
        for (const look of [...this.#waiting]) look();
      });
    }
  }

  /** The first of this name that is as wanted, past or to come; from the `from`th told on. */
  hears<Name extends keyof ClientEvents>(
    what: string,
    name: Name,
    isIt: (value: ClientEvents[Name]) => boolean,
    from = 0,
  ): Promise<ClientEvents[Name]> {
    return new Promise((resolve, reject) => {
      let at = from;
      const give = () => {
        clearTimeout(timer);
        this.#waiting.delete(look);
      };
      const look = () => {
        for (; at < this.told.length; at++) {
          const told = this.told[at];
          if (told?.name !== name || !isIt(told.value as ClientEvents[Name])) continue;
          give();
          return resolve(told.value as ClientEvents[Name]);
        }
      };
      const timer = setTimeout(() => {
        give();
        const last = this.told.slice(-15).map((told) => JSON.stringify(told).slice(0, 200));
        reject(new Error(`${what}: not heard; it is ${JSON.stringify(this.client.state)}, and heard last\n${last.join('\n')}`));
      }, PATIENCE_MS);
      this.#waiting.add(look);
      look();
    });
  }

  /** Until it is connected. */
  isUp(from = 0): Promise<unknown> {
    return this.hears('connected', 'state', ({ name }) => name === 'ready' || name === 'fallback', from);
  }

  /** The durable events of a room, as they were told. */
  durable(room: string): (RoomEvent & { seq: number })[] {
    return this.told.flatMap(({ name, value }) => (name === 'event' && 'seq' in value && value.room === room ? [value] : []));
  }

  /** The states of the connection, without those that only count tries. */
  get states(): string[] {
    // It begins before anybody can listen.
    const names = ['connecting', ...this.told.flatMap(({ name, value }) => (name === 'state' ? [value.name] : []))];
    return names.filter((name, at) => name !== names[at - 1]);
  }
}
