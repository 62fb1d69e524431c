// Causerie as one process, whose AI is the echo.
import { built, Program } from '../../../../core/test/integration/support/program.js';
import { Proxy } from '../../../../core/test/integration/support/proxy.js';

export class ChatServer {
  /** What lies between it and the pages, and can be cut. */
  readonly proxy: Proxy;
  readonly #program: Program;

  private constructor(program: Program, proxy: Proxy) {
    this.#program = program;
    this.proxy = proxy;
  }

  /** `env` goes before what is set here. */
  static async start(origin: string, env: Record<string, string> = {}): Promise<ChatServer> {
    const program = new Program(built('causerie'), [], {
      WEBSOCKET_PORT: '0',
      ADMIN_PORT: '0',
      TENANTS: JSON.stringify([{ id: 'acme', hash: 'acme-hash', origins: [origin], visitors: true }]),
      // Under which `tokenOf` signs.
      AUTH_JWT_SECRET: 'the secret that only this test knows',
      AUTH_VISITOR_SECRET: 'the secret under which visitors are known',
      LIMITS_EXEMPT: '127.0.0.0/8',
      LIMITS_MESSAGES_PER_MINUTE_PER_CONNECTION: '6000',
      AI_ECHO_TOKENS_PER_SECOND: '20',
      AI_ECHO_FIRST_TOKEN_DELAY: '50ms',
      ...env,
    });
    const url = await program.says(/(?<!admin )listening on (http:\/\/[^\s"]+)/);
    return new ChatServer(program, await Proxy.to(url.replace(/\/$/, '')));
  }

  get url(): string {
    return this.proxy.url;
  }

  /** Sends everybody away, and ends: as when a new version is rolled out. */
  drain(): void {
    this.#program.signal('SIGTERM');
  }

  async end(): Promise<void> {
    await this.proxy.shut();
    await this.#program.end();
  }
}
