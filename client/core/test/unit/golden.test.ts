// The golden frames of the server's own tests: both sides are held to the same ones.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isDurable, type RoomEvent, type ServerFrame } from '../../src/protocol/frames.js';
import { Replies, type Reply } from '../../src/rooms/replies.js';

const folder = new URL('../../../../fixtures/protocol/', import.meta.url);

function golden<T>(side: 'server' | 'client'): Map<string, T> {
  const names = readdirSync(new URL(side, folder));
  return new Map(names.map((name) => [name, JSON.parse(readFileSync(new URL(`${side}/${name}`, folder), 'utf8')) as T]));
}

const server = golden<ServerFrame>('server');

/** The members of each type's frame: wrong here where the types say otherwise. */
const MEMBERS: { [Type in ServerFrame['type']]: readonly string[] } = {
  ready: ['type', 'data'],
  subscribed: ['type', 'room', 'epoch', 'seq', 'recovered'],
  unsubscribed: ['type', 'room'],
  ack: ['type', 'id', 'data'],
  pong: ['action', 'type', 'server_time'],
  error: ['type', 'code', 'content', 'canRetry', 'fatal'],
  new_message: ['seq', 'epoch', 'ts', 'type', 'room', 'data'],
  message: ['seq', 'epoch', 'ts', 'type', 'room', 'data'],
  message_deleted: ['seq', 'epoch', 'ts', 'type', 'room', 'data'],
  message_read: ['ts', 'type', 'room', 'data'],
  message_delta: ['ts', 'type', 'room', 'data'],
  message_snapshot: ['ts', 'type', 'room', 'data'],
  message_restart: ['ts', 'type', 'room', 'data'],
  typing_indicator: ['ts', 'type', 'room', 'data'],
  user_joined: ['ts', 'type', 'room', 'data'],
  user_left: ['ts', 'type', 'room', 'data'],
  user_status_changed: ['ts', 'type', 'room', 'data'],
  warning_issued: ['ts', 'type', 'room', 'data'],
  ai_processing_start: ['ts', 'type', 'room', 'data'],
  ai_processing_end: ['ts', 'type', 'room', 'data'],
  ai_processing_error: ['ts', 'type', 'room', 'data'],
};

test('every golden frame is one that the client knows, with the members that it reads', () => {
  for (const [name, frame] of server) {
    expect(MEMBERS, name).toHaveProperty(frame.type);
    for (const member of MEMBERS[frame.type]) expect(frame, name).toHaveProperty(member);
  }
});

test('every frame that the client knows has a golden one', () => {
  const types = new Set([...server.values()].map(({ type }) => type));
  expect(new Set(Object.keys(MEMBERS))).toEqual(types);
});

test('durable events are told from transient ones', () => {
  const durable = [...server.values()].filter((frame) => 'room' in frame && 'ts' in frame && isDurable(frame as RoomEvent));
  expect(new Set(durable.map(({ type }) => type))).toEqual(new Set(['new_message', 'message', 'message_deleted']));
});

test('the golden reply is put together', () => {
  let reply: Reply | undefined;
  const replies = new Replies((told) => (reply = told));
  for (const name of ['ai_processing_start', 'message_snapshot_empty', 'message_delta', 'message_snapshot']) {
    replies.onEvent(server.get(`${name}.json`) as RoomEvent);
  }
  expect(reply).toMatchObject({ state: 'running', text: 'Grüße\n"zu', attempt: 1, sessionId: 's1' });
  replies.onEvent(server.get('message_restart.json') as RoomEvent);
  expect(reply).toMatchObject({ attempt: 2, text: '' });
  replies.onEvent(server.get('message.json') as RoomEvent);
  expect(reply).toMatchObject({ state: 'done', text: 'Grüße zurück!' });
});
