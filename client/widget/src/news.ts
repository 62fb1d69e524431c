import type { ChatMessage, Snapshot } from '@causerie/client/conversation';

type Place = Pick<ChatMessage, 'at' | 'seq'>;

/** Tells what others have said since the chat was first read: each message once, when it is whole. */
export class News {
  /** The newest that is known, by the server's clock; undefined before the first reading. */
  #newest: Place | undefined;
  /** What was sent first before that: the answer to it may be there when it has been read. */
  #sent: string | undefined;

  /** What is new. */
  take({ messages, isLoading }: Snapshot): ChatMessage[] {
    const stored = messages.filter(({ seq }) => seq !== undefined);
    if (!this.#newest) {
      this.#sent ??= messages.find(({ isOwn, seq }) => isOwn && seq === undefined)?.key;
      if (isLoading) return [];
    }
    const since = this.#newest ?? stored.find(({ key }) => key === this.#sent);
    this.#newest = stored.reduce<Place>((a, b) => (isAfter(b, a) ? b : a), this.#newest ?? { at: 0, seq: 0 });
    return since ? stored.filter((message) => !message.isOwn && isAfter(message, since)) : [];
  }
}

/** Two may be of one millisecond; and a log that was lost begins anew. */
const isAfter = (a: Place, b: Place): boolean => a.at > b.at || (a.at === b.at && (a.seq ?? 0) > (b.seq ?? 0));

/** How many of them others have said after this. */
export function countUnread(messages: readonly ChatMessage[], readAt: number): number {
  return messages.filter(({ seq, isOwn, at }) => seq !== undefined && !isOwn && at > readAt).length;
}
