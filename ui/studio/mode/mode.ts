// Whether the room is a class, as its origin has it: what is chosen here is so for everybody who is in it.
import { connectedChat } from '../dock/room_chat.svelte';

export type Mode = 'stream' | 'class';
export const MODES: readonly Mode[] = ['stream', 'class'];

/** The room's kind; `null` while there is no room that this window may change. */
export function mode(): Mode | null {
  const chat = connectedChat();
  if (chat?.connection !== 'open' || !chat.isModerator) {
    return null;
  }
  return chat.floor.settings.class ? 'class' : 'stream';
}

export function setMode(to: Mode): void {
  if (mode() !== to) {
    connectedChat()?.perform({ type: 'settings', class: to === 'class' });
  }
}
