/** All that the widget says. `{count}` and the like stand for what is filled in. */
export const TEXTS = {
  heading: 'Chat',
  open: 'Open chat',
  openUnread: 'Open chat, unread messages: {count}',
  close: 'Close chat',
  conversation: 'Conversation',
  welcome: 'How can we help?',
  loading: 'Loading the conversation…',
  earlier: 'Earlier messages',
  newest: 'Go to the newest message',

  you: 'You',
  assistant: 'Assistant',
  someone: 'Someone',
  assistantTyping: 'Assistant is typing…',
  someoneTyping: 'Someone is typing…',

  message: 'Your message',
  placeholder: 'Write a message…',
  send: 'Send',
  stop: 'Stop the answer',

  sending: 'Sending…',
  queued: 'Waits for the connection',
  sent: 'Sent',
  notSent: 'Not sent.',
  retry: 'Try again',
  discard: 'Discard',
  stopped: 'Stopped',
  cutShort: 'Cut short',
  noAnswer: 'There was no answer. Ask again.',
  rest: 'The rest stands in the chat.',

  connecting: 'Connecting…',
  fallback: 'Connected, but slower than usual.',
  lost: 'Connection lost. Reconnecting…',
  no_network: 'You are offline. Messages are sent when the connection is back.',
  unreachable: 'The server cannot be reached. Trying again…',
  rate_limited: 'Too many requests. Trying again…',
  overloaded: 'The server is busy. Trying again…',
  draining: 'The server is restarting. Reconnecting…',
  token_refused: 'Your sign-in was not accepted.',
  origin_refused: 'This page may not connect here.',
  idle: 'Paused. Write something to go on.',
  gave_up: 'The server cannot be reached. Write something to go on.',
  closed: 'Disconnected.',
  back: 'Connected again.',
  reconnect: 'Connect again',
  waiting: 'Messages that wait: {count}',
  tooLong: 'This is too long: send it in parts.',
};

export type Texts = typeof TEXTS;

/** A text with its gaps filled in. */
export function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (gap, name: string) => String(values[name] ?? gap));
}

/** Those that are given, and the rest as by default; `given` may be JSON. */
export function textsFrom(given: Partial<Texts> | string | null): Texts {
  if (typeof given !== 'string') return { ...TEXTS, ...given };
  try {
    return { ...TEXTS, ...(JSON.parse(given) as Partial<Texts>) };
  } catch {
    throw new Error(`\`texts\` is ${JSON.stringify(given.slice(0, 80))}: it has to be an object in JSON, as {"send": "Envoyer"}.`);
  }
}
