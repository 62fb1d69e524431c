import { CauserieChat, type ChatEventMap } from './element.js';
import { embed } from './embed.js';

export type { CauserieChat, ChatEventMap };
export type { ChatMessage } from '@causerie/client/conversation';
export type { Client, GetToken, State } from '@causerie/client';
export type { ClientConfig } from '@causerie/client/rollout';
export type { Texts } from './texts.js';

declare global {
  interface HTMLElementTagNameMap {
    'causerie-chat': CauserieChat;
  }
}

const script = globalThis.document?.currentScript;

// A page may have the script twice.
if (!customElements.get('causerie-chat')) customElements.define('causerie-chat', CauserieChat);
if (script) embed(script);
