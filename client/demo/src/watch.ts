import { type Grade, type Quality, QualityMonitor } from '@causerie/client/quality';
import type { CauserieChat, Client } from '@causerie/widget';

const GRADES: Record<Grade, string> = {
  excellent: 'Excellent',
  good: 'Good',
  fair: 'Fair',
  poor: 'Poor',
  offline: 'Offline',
};

/** Shows below a chat how its connection is, and what waits in its queue. */
export class Watch {
  readonly element = document.createElement('dl');
  readonly #chat: CauserieChat;
  #client: Client | null = null;
  #ends: (() => void)[] = [];
  #quality: Quality | null = null;

  constructor(chat: CauserieChat) {
    this.#chat = chat;
    chat.addEventListener('chat-state', () => {
      this.#follow();
      this.#show();
    });
    this.#show();
  }

  end(): void {
    for (const end of this.#ends.splice(0)) end();
  }

  /** The element has another client when it was told to talk to somebody else. */
  #follow(): void {
    const { client } = this.#chat;
    if (client === this.#client || !client) return;
    this.end();
    this.#client = client;
    const monitor = new QualityMonitor(client, {
      intervalMs: 2_000,
      onChange: (quality) => {
        this.#quality = quality;
        this.#show();
      },
    });
    this.#ends = [() => monitor.stop(), client.on('outbox', () => this.#show())];
  }

  #show(): void {
    const state = this.#client?.state;
    const quality = this.#quality;
    const latency = quality?.latencyMs == null ? '' : `, ${Math.round(quality.latencyMs)} ms`;
    const rows: [string, string, string][] = [
      ['state', 'Connection', state ? `${state.name}${'transport' in state ? `, ${state.transport}` : ''}` : 'none yet'],
      ['quality', 'Quality', quality ? `${GRADES[quality.grade]}${latency}` : 'not measured yet'],
      ['queue', 'Messages that wait', String(this.#client?.outbox.entries.length ?? 0)],
    ];
    this.element.replaceChildren(
      ...rows.map(([name, label, value]) => {
        const row = document.createElement('div');
        const [dt, dd] = [document.createElement('dt'), document.createElement('dd')];
        dt.textContent = label;
        dd.textContent = value;
        dd.dataset['testid'] = name;
        row.append(dt, dd);
        return row;
      }),
    );
  }
}
