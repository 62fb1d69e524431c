// Programs of the project as processes, on ports of the system's choice.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../../../', import.meta.url));
const target = process.env['CARGO_TARGET_DIR'] ?? join(root, 'target');

/** How long a program may take to start, or to end. */
const PATIENCE_MS = 30_000;

export class Program {
  readonly #child: ChildProcess;
  readonly #folder: string;
  #output = '';
  #ended = false;
  readonly #waiting = new Set<() => void>();

  constructor(path: string, args: string[], env: Record<string, string>) {
    this.#folder = mkdtempSync(join(tmpdir(), 'causerie-client-'));
    const { PATH = '', HOME = '' } = process.env;
    this.#child = spawn(path, args, { cwd: this.#folder, env: { PATH, HOME, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const read = (piece: Buffer) => {
      this.#output += piece.toString();
      this.#wake();
    };
    this.#child.stdout?.on('data', read);
    this.#child.stderr?.on('data', read);
    this.#child.on('error', (error) => (this.#output += String(error)));
    this.#child.on('close', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** What the first group of `pattern` is in the output, as soon as it is there. */
  async says(pattern: RegExp): Promise<string> {
    return this.#when(() => {
      const found = pattern.exec(this.#output)?.[1];
      if (found === undefined && this.#ended) throw new Error(`it ended: ${this.#output}`);
      return found;
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends it, by default as `kill -9` does. */
  async end(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#child.kill('SIGCONT');
    this.#child.kill(signal);
    await this.#when(() => this.#ended || undefined);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #wake(): void {
    for (const look of [...this.#waiting]) look();
  }

  #when<T>(look: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => done(() => reject(new Error(`in vain: ${this.#output}`))), PATIENCE_MS);
      const done = (settle: () => void) => {
        clearTimeout(timer);
        this.#waiting.delete(again);
        settle();
      };
      const again = () => {
        try {
          const found = look();
          if (found !== undefined) done(() => resolve(found));
        } catch (error) {
          done(() => reject(error));
        }
      };
      this.#waiting.add(again);
      again();
    });
  }
}

/** A program that cargo has built. */
export function built(name: string): string {
  const path = join(target, 'debug', name);
  if (!existsSync(path)) throw new Error(`there is no ${path}: cargo build --workspace --bins`);
  return path;
}

export function redisServer(): string {
  const given = process.env['CAUSERIE_REDIS_SERVER'];
  const fetched = join(target, 'tools/bin/redis-server');
  return given ?? (existsSync(fetched) ? fetched : 'redis-server');
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('a server has a port');
  return address.port;
}
