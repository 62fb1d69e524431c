import type { Client } from '@causerie/client';
import { type Quality, QualityMonitor } from '@causerie/client/quality';
import { useSource } from './provider.js';
import { source } from './source.js';

export interface ConnectionQualityOptions {
  /** How often the server is asked, in milliseconds; 10 000 if left out. */
  intervalMs?: number | undefined;
  /** How far back is looked, in milliseconds; 120 000 if left out. */
  windowMs?: number | undefined;
}

const BEFORE: Quality = { grade: 'offline', latencyMs: null, jitterMs: null, loss: 0, interruptions: 0 };

/** How good the connection has been of late. It is measured while somebody looks, once however many do. */
export function useConnectionQuality({ intervalMs = 10_000, windowMs = 120_000 }: ConnectionQualityOptions = {}): Quality {
  const make = (client: Client) =>
    source(BEFORE, (set) => {
      const monitor = new QualityMonitor(client, { intervalMs, windowMs, onChange: set });
      return () => monitor.stop();
    });
  return useSource(`quality ${intervalMs} ${windowMs}`, make, BEFORE);
}
