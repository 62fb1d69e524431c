import type { ChatMessage, Snapshot } from '@causerie/client/conversation';

/** Tells what others have said since the chat was first read: each message once, when it is whole. */
export class News {
  /** Of the newest that is known, by the server's clock; undefined before the first reading. */
  #newest: number | undefined;

  /** What is new. */
  take({ messages, isLoading }: Snapshot): ChatMessage[] {
    if (isLoading && this.#newest === undefined) return [];
    const since = this.#newest;
    const stored = messages.filter(({ seq }) => seq !== undefined);
    this.#newest = Math.max(since ?? 0, ...stored.map(({ at }) => at));
    return since === undefined ? [] : stored.filter(({ at, isOwn }) => at > since && !isOwn);
  }
}

/** How many of them others have said after this. */
export function countUnread(messages: readonly ChatMessage[], readAt: number): number {
  return messages.filter(({ seq, isOwn, at }) => seq !== undefined && !isOwn && at > readAt).length;
}
