import type { ChatMessage } from './message.js';

/** Where a message stands: compared from left to right. */
type Place = readonly [number, number, number];

/**
 * Orders messages for reading: what is stored as the log has it, and each reply right after its
 * question, where it began to grow; so nothing moves when it ends, or when more is asked meanwhile.
 * What waits is last, in the order in which it was written. What has failed stays after the `seq`
 * that `failedAfter` tells by its key.
 */
export function inOrder(messages: readonly ChatMessage[], failedAfter: ReadonlyMap<string, number>): ChatMessage[] {
  const questions = new Map<string, number>();
  for (const { id, role, seq } of messages) if (id && role === 'user' && seq !== undefined) questions.set(id, seq);

  const placeOf = (message: ChatMessage, at: number): Place => {
    const { key, seq = Infinity, role, state, inReplyTo = '' } = message;
    if (role === 'assistant') {
      const question = questions.get(inReplyTo);
      return question === undefined ? [seq, 0, at] : [question, 1, seq];
    }
    if (state === 'failed') return [failedAfter.get(key) ?? Infinity, 2, at];
    return [seq, state === 'queued' ? 3 : 0, at];
  };

  return messages
    .map((message, at) => ({ message, place: placeOf(message, at) }))
    .sort((one, other) => compare(one.place, other.place))
    .map(({ message }) => message);
}

function compare(one: Place, other: Place): number {
  for (const at of [0, 1, 2] as const) if (one[at] !== other[at]) return one[at] < other[at] ? -1 : 1;
  return 0;
}
