import { expect, test } from 'vitest';
import { connect, type Options } from '../../src/index.js';
import { settle } from '../../src/options.js';

const circle = { shelf: 1, self: {} };
circle.self = circle;

const thrower = {
  toString() {
    throw new Error('not a text');
  },
};

const PLACE = { url: 'http://x', tenantHash: 'demo' };

test.each([
  [undefined, /`url` is "": it has to be an address of http, https, ws or wss/],
  [{ url: 'ftp://x', tenantHash: 'demo' }, /`url` is "ftp:\/\/x": it has to be an address of http, https, ws or wss/],
  [{ ...PLACE, url: ['http://x'] }, /`url` is \["http:\/\/x"\]: it has to be an address/],
  [{ url: 'http://x' }, /`tenantHash` is undefined: it has to be set, or `getToken`/],
  [{ ...PLACE, tenantHash: 7 }, /`tenantHash` is 7: it has to be a string/],
  [{ ...PLACE, getToken: 'token' }, /`getToken` is "token": it has to be a function/],
  [{ ...PLACE, mode: 'fast' }, /`mode` is "fast": it has to be auto or websocket or streaming or http/],
  [{ ...PLACE, mode: 'toString' }, /`mode` is "toString": it has to be auto or websocket or streaming or http/],
  [{ ...PLACE, mode: 'websocket', WebSocket: null }, /`mode` is "websocket": it has to be another: there is none/],
  [{ ...PLACE, WebSocket: 'yes' }, /`WebSocket` is "yes": it has to be a function/],
  [{ ...PLACE, fetch: {} }, /`fetch` is \{\}: it has to be a function/],
  [{ ...PLACE, outboxLimit: 'many' }, /`outboxLimit` is "many": it has to be 0 to Infinity/],
  [{ ...PLACE, heartbeatMs: -1 }, /`heartbeatMs` is -1: it has to be 0 to 2147483647/],
  [{ ...PLACE, pollMs: NaN }, /`pollMs` is null: it has to be 0 to 2147483647/],
  [{ ...PLACE, maxDelayMs: Infinity }, /`maxDelayMs` is null: it has to be 0 to 2147483647/],
  [{ ...PLACE, pollMs: 2 ** 31 }, /`pollMs` is 2147483648: it has to be 0 to 2147483647/],
  [{ ...PLACE, jitter: 1.5 }, /`jitter` is 1.5: it has to be 0 to 1/],
  [{ ...PLACE, giveUp: 'no' }, /`giveUp` is "no": it has to be a boolean/],
  [{ ...PLACE, whenFull: 'burst' }, /`whenFull` is "burst": it has to be refuse or dropOldest/],
  [{ ...PLACE, rooms: 'project:p1' }, /`rooms` is "project:p1": it has to be a list of texts/],
  [{ ...PLACE, rooms: [1] }, /`rooms` is \[1\]: it has to be a list of texts/],
  [{ ...PLACE, rooms: null }, /`rooms` is null: it has to be a list of texts/],
  [{ ...PLACE, rooms: { every: () => true } }, /`rooms` is \{\}: it has to be a list of texts/],
  [{ ...PLACE, page: null }, /`page` is null: it has to be with `isOnline` and `listen`/],
  [{ ...PLACE, page: {} }, /`page` is \{\}: it has to be with `isOnline` and `listen`/],
  [{ ...PLACE, page: { isOnline: () => true, listen: 1 } }, /`page` is \{"listen":1\}: it has to be with `isOnline` and `listen`/],
  [{ ...PLACE, storage: circle }, /`storage` is object: it has to be made by `storageOn`/],
  [{ ...PLACE, storage: { toJSON: thrower.toString } }, /`storage` is object: it has to be made by `storageOn`/],
  [{ ...PLACE, url: 1n }, /`url` is bigint: it has to be an address/],
  [{ ...PLACE, pollMs: 1_000n }, /`pollMs` is bigint: it has to be 0 to 2147483647/],
  [{ ...PLACE, url: thrower }, /`url` is \{\}: it has to be an address/],
  [{ ...PLACE, mode: thrower }, /`mode` is \{\}: it has to be auto or websocket or streaming or http/],
  [{ ...PLACE, mode: ['auto'] }, /`mode` is \["auto"\]: it has to be auto or websocket or streaming or http/],
  [{ ...PLACE, mode: Symbol('auto') }, /`mode` is symbol: it has to be auto or websocket or streaming or http/],
  [{ ...PLACE, tenantHash: () => 'demo' }, /`tenantHash` is function: it has to be a string/],
  [{ ...PLACE, storage: {} }, /`storage` is \{\}: it has to be made by `storageOn`/],
  [{ ...PLACE, bogus: 1 }, /`bogus` is 1: it has to be left out/],
] as [object | undefined, RegExp][])('%# is refused by name, as a TypeError', (options, says) => {
  const attempt = () => connect(options as Options);
  expect(attempt).toThrow(says);
  expect(attempt).toThrow(TypeError);
});

test('what is undefined is as by default, and null is none where there may be none', () => {
  const settings = settle({ ...PLACE, mode: undefined, storage: null, WebSocket: null, getToken: undefined } as unknown as Options);
  expect(settings).toMatchObject({ mode: 'auto', storage: null, WebSocket: null, getToken: null, outboxLimit: 100 });
});
