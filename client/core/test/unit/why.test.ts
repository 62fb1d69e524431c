// Why there is no connection, in words that tell one reason from another.
import { afterEach, expect, test, vi } from 'vitest';
import { CauserieError, describe, type State, whyOf } from '../../src/index.js';
import type { ErrorCode } from '../../src/protocol/generated/types.js';

afterEach(() => void vi.unstubAllGlobals());

const error = (code: ConstructorParameters<typeof CauserieError>[0] | ErrorCode, message = code as string) => new CauserieError(code, message);
const away = (reason: object | null): State => ({ name: 'offline', attempt: 6, retryAt: 0, reason }) as State;
const closed = (reason: object, comesBack = 'never') => ({ name: 'closed', reason: { error: error('closed'), ...reason }, comesBack }) as State;

test.each([
  ['rate_limited', away({ error: error('rate_limited') }), 'Too many requests. Trying again…'],
  ['overloaded', away({ closeCode: 1013 }), 'The server is busy. Trying again…'],
  ['draining', away({ closeCode: 1012 }), 'The server is restarting. Reconnecting…'],
  ['unreachable', away({ error: error('unreachable') }), 'The server cannot be reached. Trying again…'],
  ['unreachable', away({}), 'The server cannot be reached. Trying again…'],
  ['lost', away({ closeCode: 1006 }), 'Connection lost. Reconnecting…'],
  ['token_refused', away({ error: error('no_token') }), 'Your sign-in was not accepted.'],
  ['token_refused', closed({ error: error('unauthorized') }), 'Your sign-in was not accepted.'],
  ['token_refused', closed({ closeCode: 4500 }), 'Your sign-in was not accepted.'],
  ['origin_refused', closed({ error: error('forbidden', "This page's origin is not among those of the tenant: add it to `origins`.") }), 'This page may not connect here.'],
  ['refused', closed({ error: error('forbidden', 'Not a member.') }), 'Not a member.'],
  ['refused', closed({ closeCode: 4510, error: error('closed', 'Disconnected.') }), 'Disconnected.'],
  ['idle', closed({ closeCode: 4509 }, 'when_you_act'), 'Paused. Write something to go on.'],
  ['gave_up', closed({}, 'when_you_act'), 'The server cannot be reached. Write something to go on.'],
  ['closed', closed({}), 'Disconnected.'],
  [null, away(null), 'Connecting…'],
  [null, { name: 'ready', transport: 'websocket' } as State, 'Connected.'],
  [null, { name: 'fallback', transport: 'http' } as State, 'Connected, but slower than usual.'],
] as const)('%s: %j', (why, state, says) => {
  expect([whyOf(state), describe(state)]).toEqual([why, says]);
});

test('only a browser that has no network says so', () => {
  vi.stubGlobal('navigator', { onLine: false });
  expect(whyOf(away({ error: error('unreachable') }))).toBe('no_network');
  expect(whyOf(closed({}))).toBe('closed');
});
