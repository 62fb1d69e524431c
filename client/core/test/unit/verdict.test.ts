import { expect, test } from 'vitest';
import { judge } from '../../src/connection/verdict.js';
import { CauserieError } from '../../src/errors.js';

const closed = (code: number, reason = '') => judge({ code, reason });

test('a close code tells by its range what to do', () => {
  for (const code of [1000, 1001, 1002, 1006, 1007, 1009, 1011, 4000, 4008, 4010, 4012, 4499]) {
    expect(closed(code), String(code)).toMatchObject({ next: 'back', isOverloaded: false });
  }
  for (const code of [4501, 4503, 4508, 4510, 4999]) expect(closed(code), String(code)).toEqual({ next: 'stay' });
  expect(closed(4500)).toEqual({ next: 'renew' });
  expect(closed(4509)).toEqual({ next: 'wait' });
  expect(closed(1013)).toMatchObject({ next: 'back', isOverloaded: true });
});

test('a node that drains says when', () => {
  expect(closed(1012, 'reconnect after=1750')).toMatchObject({ next: 'back', afterMs: 1_750 });
  expect(closed(1012, 'node draining')).toMatchObject({ next: 'back', afterMs: undefined });
});

test('what the server said goes before the code', () => {
  const refused = (error: CauserieError) => judge({ code: 1006, reason: '', error });
  expect(refused(new CauserieError('unauthorized', ''))).toEqual({ next: 'renew' });
  expect(refused(new CauserieError('forbidden', ''))).toEqual({ next: 'stay' });
  expect(refused(new CauserieError('overloaded', '', { canRetry: true }))).toMatchObject({ next: 'back' });
});
