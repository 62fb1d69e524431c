import type { ChatMessage, Snapshot } from '@causerie/client/conversation';
import { expect, test } from 'vitest';
import { News } from '../../src/news.js';

const said = (key: string, at: number, seq?: number, isOwn = false) => ({ key, at, seq, isOwn }) as ChatMessage;
const shown = (isLoading: boolean, ...messages: ChatMessage[]) => ({ messages, isLoading }) as unknown as Snapshot;
const keys = (messages: ChatMessage[]) => messages.map(({ key }) => key);

test('what was there before is no news, and what comes is told once, when it is whole', () => {
  const news = new News();
  const old = said('old', 10, 1);
  expect(news.take(shown(true))).toEqual([]);
  expect(news.take(shown(true, old))).toEqual([]);
  expect(news.take(shown(false, old))).toEqual([]);
  expect(news.take(shown(false, old, said('growing', 20)))).toEqual([]);
  const all = shown(false, old, said('growing', 20, 2), said('own', 21, 3, true));
  expect(keys(news.take(all))).toEqual(['growing']);
  expect(news.take(all)).toEqual([]);
});

test('an answer that is quicker than the first reading is news, and nothing before its question', () => {
  const news = new News();
  expect(news.take(shown(true, said('question', 99, undefined, true)))).toEqual([]);
  const question = said('question', 20, 2, true);
  expect(news.take(shown(true, question, said('answer', 21, 3)))).toEqual([]);
  const all = shown(false, said('old', 10, 1), question, said('answer', 21, 3));
  expect(keys(news.take(all))).toEqual(['answer']);
  expect(news.take(all)).toEqual([]);
});

test('two of one millisecond are both told', () => {
  const news = new News();
  news.take(shown(false, said('old', 10, 1)));
  expect(keys(news.take(shown(false, said('a', 20, 2))))).toEqual(['a']);
  expect(keys(news.take(shown(false, said('a', 20, 2), said('b', 20, 3))))).toEqual(['b']);
});
