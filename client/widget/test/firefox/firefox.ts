// Debian's Firefox, by WebDriver BiDi: Playwright drives none but its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SOCKET } from '../../../core/test/integration/support/person.js';

/** How long it may take to start. */
const PATIENCE_MS = 30_000;

interface Told {
  id?: number;
  type: 'success' | 'error' | 'event';
  method?: string;
  message?: string;
  result?: unknown;
  params?: { level?: string; text?: string };
}

export class Firefox {
  /** What went wrong in its pages, by its console. */
  readonly faults: string[] = [];
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #asked = new Map<number, (told: Told) => void>();
  #asks = 0;
  #page = '';

  private constructor(process: ChildProcess, profile: string, socket: WebSocket) {
    this.#process = process;
    this.#profile = profile;
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#hear(JSON.parse(String(data)) as Told);
  }

  /** The one that `CAUSERIE_FIREFOX` names, or Debian's. */
  static async start(): Promise<Firefox> {
    const profile = mkdtempSync(join(tmpdir(), 'causerie-firefox-'));
    const path = process.env['CAUSERIE_FIREFOX'] ?? 'firefox-esr';
    const child = spawn(path, ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0', 'about:blank'], {
      env: { ...process.env, HOME: profile },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const url = await new Promise<string>((resolve, reject) => {
      let output = '';
      const fail = () => reject(new Error(`${path} does not start: ${output}`));
      setTimeout(fail, PATIENCE_MS).unref();
      child.on('error', reject).on('exit', fail);
      child.stderr.on('data', (piece) => {
        output += String(piece);
        const [, found] = /BiDi listening on (\S+)/.exec(output) ?? [];
        if (found) resolve(found);
      });
    });
    const socket = new SOCKET(`${url}/session`, []);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = reject;
    });
    const firefox = new Firefox(child, profile, socket);
    await firefox.#ask('session.new', { capabilities: {} });
    await firefox.#ask('session.subscribe', { events: ['log.entryAdded'] });
    return firefox;
  }

  /** A page of somebody new. */
  async open(url: string): Promise<void> {
    const { userContext } = await this.#ask<{ userContext: string }>('browser.createUserContext');
    const { context } = await this.#ask<{ context: string }>('browsingContext.create', { type: 'tab', userContext });
    this.#page = context;
    await this.#ask('browsingContext.navigate', { context, url, wait: 'complete' });
  }

  async reload(): Promise<void> {
    await this.#ask('browsingContext.reload', { context: this.#page, wait: 'complete' });
  }

  /** What an expression has in the page, by way of JSON. */
  async is<T>(expression: string): Promise<T> {
    const asked = { expression: `JSON.stringify(${expression})`, target: { context: this.#page }, awaitPromise: true };
    const { result } = await this.#ask<{ result: { value?: string } }>('script.evaluate', asked);
    return JSON.parse(result?.value ?? 'null') as T;
  }

  /** Presses these keys, one after the other. */
  async type(text: string): Promise<void> {
    const keys = [...text].flatMap((value) => ['keyDown', 'keyUp'].map((type) => ({ type, value })));
    await this.#ask('input.performActions', { context: this.#page, actions: [{ type: 'key', id: 'keyboard', actions: keys }] });
  }

  end(): void {
    this.#socket.close();
    this.#process.kill('SIGKILL');
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  #ask<T>(method: string, params: object = {}): Promise<T> {
    const id = (this.#asks += 1);
    return new Promise((resolve, reject) => {
      this.#asked.set(id, ({ type, result, message }) => (type === 'error' ? reject(new Error(`${method}: ${message}`)) : resolve(result as T)));
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }

  #hear({ id, method, params, ...told }: Told): void {
    if (id !== undefined) this.#asked.get(id)?.(told);
    if (method === 'log.entryAdded' && params?.level === 'error') this.faults.push(params.text ?? '');
  }
}
