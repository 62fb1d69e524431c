import { browserStorage } from '@causerie/client/storage';
import { CauserieProvider, type ChatMessage, ConnectionQualityBadge, useChat, useConnection, useTyping } from '@causerie/react';
import '@causerie/react/styles.css';
import { type FormEvent, memo, useState } from 'react';

// Outside of components: options are read once.
const options = {
  url: 'https://chat.example.com',
  tenantHash: 'demo', // a visitor; or getToken: () => askYourServerForAToken()
  storage: browserStorage(), // what is written offline outlives the page
};

export function App() {
  return (
    <CauserieProvider options={options}>
      <Support />
    </CauserieProvider>
  );
}

export function Support() {
  const { messages, status, hasOlder, send, cancel, retry, loadOlder } = useChat({ sessionId: 'support' });
  const { isUp, text } = useConnection();
  const { typing } = useTyping();
  const [draft, setDraft] = useState('');

  function submit(event: FormEvent) {
    event.preventDefault();
    if (!draft.trim()) return;
    send(draft);
    setDraft('');
  }

  return (
    <section aria-label="Support">
      <ConnectionQualityBadge />
      {!isUp && <p role="status">{text}</p>}
      {hasOlder && <button onClick={() => void loadOlder()}>Earlier messages</button>}
      {/* Read out when it is whole, not word by word. */}
      <ol aria-live="polite" aria-busy={status === 'streaming'}>
        {messages.map((message) => (
          <Line key={message.key} message={message} retry={retry} />
        ))}
      </ol>
      {status !== 'idle' && <button onClick={() => void cancel()}>Stop</button>}
      <form onSubmit={submit}>
        <input
          aria-label="Your message"
          value={draft}
          onChange={(event) => {
            setDraft(event.target.value);
            typing();
          }}
        />
        <button>Send</button>
      </form>
    </section>
  );
}

/** A message that has not changed is the same object: it is not rendered again. */
const Line = memo(function Line({ message, retry }: { message: ChatMessage; retry(key: string): void }) {
  const { key, role, text, state, error } = message;
  return (
    <li data-role={role} data-state={state}>
      <bdi>{text}</bdi>
      {state === 'queued' && ' (sending…)'}
      {state === 'failed' && ` (failed. ${error?.message ?? ''})`}
      {state === 'failed' && message.isOwn && <button onClick={() => retry(key)}>Try again</button>}
    </li>
  );
});
