import { expect, test } from 'vitest';
import { EventStreamReader } from '../../src/transports/event-stream.js';

function read(pieces: string[]) {
  const told: (string | number)[] = [];
  const reader = new EventStreamReader({
    onEvent: (data) => told.push(data),
    onRetry: (ms) => told.push(ms),
  });
  for (const piece of pieces) reader.read(piece);
  return told;
}

const STREAM = 'retry: 1000\n\n:\n\nid: user:u1@k:1\nevent: ready\ndata: {"a":1}\n\nevent: fault\ndata: {\ndata: }\n\ndata:x\n\n';
const EVENTS = [1_000, '{"a":1}', '{\n}', 'x'];

test('events are read; comments, ids and types passed over', () => {
  expect(read([STREAM])).toEqual(EVENTS);
});

test('it does not matter where it is cut, nor how lines end', () => {
  for (const end of ['\n', '\r\n', '\r']) {
    const stream = STREAM.replaceAll('\n', end);
    for (let at = 1; at < stream.length; at++) expect(read([stream.slice(0, at), `${stream.slice(at)}:${end}`])).toEqual(EVENTS);
    expect(read([...stream, ':', end])).toEqual(EVENTS);
  }
});

test('what has no data is no event', () => {
  expect(read(['event: ready\n\n', 'data\n\n', 'unknown: field\n\n', 'retry: soon\n\n'])).toEqual(['']);
});
