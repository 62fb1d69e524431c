// The demo page: the widget, once or twice, and a network to play with.
import type { CauserieChat } from '@causerie/widget';
import { linkedToken } from './linked.js';
import { Watch } from './watch.js';
import { Wire } from './wire.js';

/** An element of the page, which is there. */
const the = <Kind extends Element>(id: string): Kind => document.getElementById(id) as unknown as Kind;

const tenant = new URL(location.href).searchParams.get('t') ?? 'demo';
const token = linkedToken(tenant);
const wire = new Wire();
const windows = the<HTMLElement>('windows');

/** A chat, and below it how it is. `isOther`: of somebody else, who is new each time. */
function put(heading: string, isOther: boolean): { chat: CauserieChat; end(): void } {
  const figure = document.createElement('div');
  const chat = document.createElement('causerie-chat') as CauserieChat;
  const attributes = { url: '/', 'tenant-hash': tenant, layout: 'inline', heading, session: 'demo', storage: isOther ? 'none' : 'local' };
  for (const [name, value] of Object.entries(attributes)) chat.setAttribute(name, value);
  if (token && !isOther) chat.getToken = () => token;
  const watch = new Watch(chat);
  figure.append(chat, watch.element);
  windows.append(figure);
  return {
    chat,
    end() {
      watch.end();
      figure.remove();
    },
  };
}

put('Chat', false);
let second: { end(): void } | null = null;

the<HTMLSelectElement>('second').addEventListener('change', ({ currentTarget }) => {
  const { value } = currentTarget as HTMLSelectElement;
  second?.end();
  second = value === 'none' ? null : put(value === 'same' ? 'The same person' : 'Somebody else', value === 'other');
});
the('cut').addEventListener('click', () => wire.cut());
the<HTMLSelectElement>('delay').addEventListener('change', ({ currentTarget }) => {
  wire.delayMs = Number((currentTarget as HTMLSelectElement).value);
});
the<HTMLInputElement>('offline').addEventListener('change', ({ currentTarget }) => {
  wire.isOffline = (currentTarget as HTMLInputElement).checked;
});
