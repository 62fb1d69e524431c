import { expect, test } from 'vitest';
import { holdRoom } from '../../../src/conversation/index.js';

const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

function client() {
  const asked: string[] = [];
  const answers: (() => void)[] = [];
  const ask = (verb: string) => (room: string) => {
    asked.push(`${verb} ${room}`);
    return new Promise<void>((resolve) => answers.push(resolve));
  };
  const answer = async () => {
    answers.shift()?.();
    await settled();
  };
  return { asked, answer, ready: { user_id: 'u1', server_time: 0, messages_per_minute: 60 }, join: ask('join'), leave: ask('leave') };
}

test('a room is joined once, and left when nobody holds it', async () => {
  const one = client();
  const [first, second] = [holdRoom(one, 'project:p1'), holdRoom(one, 'project:p1')];
  expect(one.asked).toEqual(['join project:p1']);
  await one.answer();
  first();
  first();
  await settled();
  expect(one.asked).toEqual(['join project:p1']);
  second();
  await settled();
  expect(one.asked).toEqual(['join project:p1', 'leave project:p1']);
});

test('who holds it again while it is being left joins again after that', async () => {
  const one = client();
  const end = holdRoom(one, 'project:p1');
  await one.answer();
  end();
  await settled();
  holdRoom(one, 'project:p1');
  expect(one.asked).toEqual(['join project:p1', 'leave project:p1']);
  await one.answer();
  expect(one.asked).toEqual(['join project:p1', 'leave project:p1', 'join project:p1']);
});

test('who lets go while it is being joined leaves after that', async () => {
  const one = client();
  holdRoom(one, 'project:p1')();
  await settled();
  expect(one.asked).toEqual(['join project:p1']);
  await one.answer();
  expect(one.asked).toEqual(['join project:p1', 'leave project:p1']);
});

test('where one always is is neither joined nor left', async () => {
  const one = client();
  for (const room of ['tenant', 'user:me', 'user:u1']) holdRoom(one, room)();
  await settled();
  expect(one.asked).toEqual([]);
});
