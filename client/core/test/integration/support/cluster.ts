// A whole installation of real processes: a private Redis, gateways and a broker.
import { createHmac } from 'node:crypto';
import { built, freePort, Program, redisServer } from './program.js';

const SECRET = 'the secret that only this test knows';

export const ORIGIN = 'http://page.example';

const TENANTS = JSON.stringify([{ id: 'acme', hash: 'acme-hash', origins: [ORIGIN], visitors: true }]);

export class Node {
  readonly program: Program;
  readonly url: string;

  constructor(program: Program, url: string) {
    this.program = program;
    this.url = url;
  }

  get port(): string {
    return new URL(this.url).port;
  }
}

export class Cluster {
  readonly #env: Record<string, string>;
  #redis: Program;
  readonly #redisSettings: string[];
  readonly #brokers: Program[];
  readonly #gateways: Node[] = [];

  private constructor(env: Record<string, string>, redis: Program, redisSettings: string[], broker: Program) {
    this.#env = env;
    this.#redis = redis;
    this.#redisSettings = redisSettings;
    this.#brokers = [broker];
  }

  /** One Redis, one broker, and no gateway yet; `env` is that of all programs. */
  static async start(env: Record<string, string> = {}): Promise<Cluster> {
    const port = await freePort();
    const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--maxmemory-policy', 'noeviction'];
    const redis = new Program(redisServer(), settings, {});
    await redis.says(/(Ready to accept connections)/);
    const all = {
      WEBSOCKET_BIND: '127.0.0.1',
      WEBSOCKET_PORT: '0',
      ADMIN_PORT: '0',
      REDIS_URL: `redis://127.0.0.1:${port}`,
      TENANTS,
      AUTH_JWT_SECRET: SECRET,
      AUTH_VISITOR_SECRET: 'the secret under which visitors are known',
      LIMITS_EXEMPT: '127.0.0.0/8',
      AI_ECHO_TOKENS_PER_SECOND: '200',
      AI_ECHO_FIRST_TOKEN_DELAY: '20ms',
      ...env,
    };
    const broker = new Program(built('causerie-broker'), [], all);
    await broker.says(/admin listening on (\S+)/);
    return new Cluster(all, redis, settings, broker);
  }

  /** A gateway, on this port where one is given. */
  async gateway(port = '0', env: Record<string, string> = {}): Promise<Node> {
    const program = new Program(built('causerie-gateway'), [], { ...this.#env, WEBSOCKET_PORT: port, ...env });
    const url = (await program.says(/(?<!admin )listening on (http:\/\/[^\s"]+)/)).replace(/\/$/, '');
    const node = new Node(program, url);
    await isReady(url);
    this.#gateways.push(node);
    return node;
  }

  /** One more broker. */
  async anotherBroker(env: Record<string, string> = {}): Promise<void> {
    const broker = new Program(built('causerie-broker'), [], { ...this.#env, ...env });
    this.#brokers.push(broker);
    await broker.says(/admin listening on (\S+)/);
  }

  /** The oldest broker is killed. */
  async loseBroker(): Promise<void> {
    await this.#brokers.shift()?.end();
  }

  /** The broker is killed, and another one takes over. */
  async replaceBroker(): Promise<void> {
    await this.loseBroker();
    await this.anotherBroker();
  }

  /** Redis starts anew, with nothing. */
  async loseData(): Promise<void> {
    await this.#redis.end();
    this.#redis = new Program(redisServer(), this.#redisSettings, {});
    await this.#redis.says(/(Ready to accept connections)/);
  }

  async end(): Promise<void> {
    const gateways = this.#gateways.map(({ program }) => program);
    await Promise.all([...gateways, ...this.#brokers, this.#redis].map((program) => program.end()));
  }
}

async function isReady(url: string): Promise<void> {
  const until = Date.now() + 30_000;
  for (;;) {
    const answer = await fetch(`${url}/health/ready`).catch(() => null);
    if (answer?.ok) return;
    if (Date.now() > until) throw new Error(`${url} is not ready`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const encode = (part: unknown) => Buffer.from(JSON.stringify(part)).toString('base64url');

/** A token, as a page's own server makes it. */
export function tokenOf(user: string, { seconds = 3_600, ...claims }: Record<string, unknown> & { seconds?: number } = {}): string {
  const iat = Math.floor(Date.now() / 1_000);
  const all = { tenant: 'acme', sub: user, projects: ['p1', 'p2'], iat, exp: iat + seconds, ...claims };
  const message = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(all)}`;
  return `${message}.${createHmac('sha256', SECRET).update(message).digest('base64url')}`;
}
