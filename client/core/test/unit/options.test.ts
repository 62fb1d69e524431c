import { expect, test } from 'vitest';
import { connect, type Options } from '../../src/index.js';

test.each([
  [{ url: 'ftp://x', tenantHash: 'demo' }, /`url` is "ftp:\/\/x": it has to be an address of http, https, ws or wss/],
  [{ url: 'http://x' }, /`tenantHash` is undefined/],
  [{ url: 'http://x', tenantHash: 'demo', mode: 'fast' }, /`mode` is "fast": it has to be auto or websocket or streaming or http/],
  [
    { url: 'http://x', tenantHash: 'demo', mode: 'websocket', WebSocket: null },
    /`mode` is "websocket": it has to be another, for there is no WebSocket/,
  ],
  [{ url: 'http://x', tenantHash: 'demo', outboxLimit: 'many' }, /`outboxLimit` is "many": it has to be 0 or more/],
  [{ url: 'http://x', tenantHash: 'demo', heartbeatMs: -1 }, /`heartbeatMs` is -1: it has to be 0 or more/],
  [{ url: 'http://x', tenantHash: 'demo', pollMs: NaN }, /`pollMs` is null: it has to be 0 or more/],
  [{ url: 'http://x', tenantHash: 'demo', whenFull: 'burst' }, /it has to be refuse or dropOldest/],
  [{ url: 'http://x', tenantHash: 'demo', bogus: 1 }, /`bogus` is 1: it has to be left out, for there is no such option/],
] as const)('%j is refused by name', (options, says) => {
  expect(() => connect(options as unknown as Options)).toThrow(says);
});
