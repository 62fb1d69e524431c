import type { State } from '../connection/state.js';

export type Grade = 'excellent' | 'good' | 'fair' | 'poor' | 'offline';

/** How good a connection has been of late. */
export interface Quality {
  grade: Grade;
  /** The median time of an answer, in milliseconds; null where there was none. */
  latencyMs: number | null;
  /** How much that varies: the mean difference of one answer to the next, in milliseconds. */
  jitterMs: number | null;
  /** Which part of what was asked was not answered: 0 to 1. */
  loss: number;
  /** Connections that were lost. */
  interruptions: number;
}

export interface QualityOptions {
  /** How often the server is asked, in milliseconds. */
  intervalMs?: number;
  /** How far back is looked, in milliseconds. */
  windowMs?: number;
  onChange?: (quality: Quality) => void;
}

/** As much of a client as is needed. */
export interface Measured {
  readonly state: State;
  ping(): Promise<number>;
  on(name: 'state', listener: (state: State) => void): () => void;
}

/** The worst that a grade allows: latency and jitter in milliseconds, a part lost, interruptions. */
const GRADES: readonly (readonly [Grade, number, number, number, number])[] = [
  ['excellent', 100, 50, 0, 0],
  ['good', 250, 100, 0.02, 1],
  ['fair', 600, 300, 0.1, 3],
];

interface Sample {
  at: number;
  /** Null: no answer. */
  ms: number | null;
}

/** Grades what was measured. */
export function grade(of: Omit<Quality, 'grade'>, isUp: boolean): Grade {
  if (!isUp) return 'offline';
  const { latencyMs, jitterMs, loss, interruptions } = of;
  if (latencyMs === null && loss > 0) return 'poor';
  for (const [name, latency, jitter, lost, times] of GRADES) {
    const isQuick = (latencyMs ?? 0) <= latency && (jitterMs ?? 0) <= jitter;
    if (isQuick && loss <= lost && interruptions <= times) return name;
  }
  return 'poor';
}

/** Watches how good a client's connection is, until `stop`. */
export class QualityMonitor {
  readonly #client: Measured;
  readonly #windowMs: number;
  #onChange: ((quality: Quality) => void) | undefined;
  #samples: Sample[] = [];
  #interruptions: number[] = [];
  #wasUp = false;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #unlisten: () => void;

  constructor(client: Measured, { intervalMs = 10_000, windowMs = 120_000, onChange }: QualityOptions = {}) {
    this.#client = client;
    this.#windowMs = windowMs;
    this.#onChange = onChange;
    this.#unlisten = client.on('state', () => this.#onState());
    this.#timer = setInterval(() => void this.#measure(), intervalMs);
    this.#onState();
  }

  /** How good it is now. */
  get quality(): Quality {
    const oldest = Date.now() - this.#windowMs;
    this.#samples = this.#samples.filter(({ at }) => at >= oldest);
    this.#interruptions = this.#interruptions.filter((at) => at >= oldest);
    const times = this.#samples.flatMap(({ ms }) => (ms === null ? [] : [ms]));
    const measured = {
      latencyMs: medianOf(times),
      jitterMs: jitterOf(times),
      loss: this.#samples.length ? 1 - times.length / this.#samples.length : 0,
      interruptions: this.#interruptions.length,
    };
    return { grade: grade(measured, this.#isUp), ...measured };
  }

  stop(): void {
    // An answer may still be on its way.
    this.#onChange = undefined;
    clearInterval(this.#timer);
    this.#unlisten();
  }

  get #isUp(): boolean {
    const { name } = this.#client.state;
    return name === 'ready' || name === 'fallback';
  }

  #onState(): void {
    const isUp = this.#isUp;
    if (this.#wasUp && !isUp) this.#interruptions.push(Date.now());
    const hasCome = !this.#wasUp && isUp;
    this.#wasUp = isUp;
    this.#onChange?.(this.quality);
    if (hasCome) void this.#measure();
  }

  async #measure(): Promise<void> {
    if (!this.#isUp) return;
    const ms = await this.#client.ping().catch(() => null);
    this.#samples.push({ at: Date.now(), ms });
    this.#onChange?.(this.quality);
  }
}

function medianOf(times: readonly number[]): number | null {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? null;
}

function jitterOf(times: readonly number[]): number | null {
  if (times.length < 2) return null;
  let sum = 0;
  for (let at = 1; at < times.length; at++) sum += Math.abs((times[at] as number) - (times[at - 1] as number));
  return sum / (times.length - 1);
}
