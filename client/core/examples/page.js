import { Conversation } from './client/conversation/index.js';
import { connect, describe } from './client/index.js';
import { browserStorage } from './client/storage/index.js';

const chat = connect({ url: 'https://chat.example.com', tenantHash: 'demo', storage: browserStorage() });
const conversation = new Conversation(chat, { sessionId: 'support' });
const [state, list, form, input] = ['state', 'messages', 'form', 'input'].map((id) => document.getElementById(id));

chat.on('state', (now) => (state.textContent = describe(now)));

/** The line of each message, by its key, which stays the same from when it was written. */
const lines = new Map();

conversation.subscribe(() => {
  const { messages } = conversation.snapshot;
  for (const { key, text, state } of messages) {
    const line = lines.get(key) ?? document.createElement('li');
    lines.set(key, line);
    // As text, never as HTML.
    line.textContent = text;
    line.dataset.state = state;
  }
  list.replaceChildren(...messages.map(({ key }) => lines.get(key)));
});

form.addEventListener('submit', (event) => {
  event.preventDefault();
  if (!input.value.trim()) return;
  // Whether it arrives the message's own state tells.
  conversation.send(input.value);
  input.value = '';
});
