import type { Grade } from '@causerie/client/quality';

/** What the components say. */
export interface QualityTexts {
  grades: Readonly<Record<Grade, string>>;
  title: string;
  latency: string;
  jitter: string;
  loss: string;
  interruptions: string;
  reconnect: string;
  /** What is not known. */
  unknown: string;
  milliseconds(ms: number): string;
  /** A part, 0 to 1. */
  part(part: number): string;
}

export const ENGLISH: QualityTexts = {
  grades: {
    excellent: 'Excellent connection',
    good: 'Good connection',
    fair: 'Fair connection',
    poor: 'Poor connection',
    offline: 'No connection',
  },
  title: 'Connection',
  latency: 'Latency',
  jitter: 'Jitter',
  loss: 'Lost',
  interruptions: 'Interruptions',
  reconnect: 'Connect again',
  unknown: '–',
  milliseconds: (ms) => `${Math.round(ms)} ms`,
  part: (part) => `${Math.round(part * 100)} %`,
};
