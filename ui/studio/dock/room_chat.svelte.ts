// The room's chat as the whole window sees it: one connection, by way of the program.
import { Chat } from '$lib/chat/chat.svelte';
import { ProgramTransport } from '../chat_transport';

let chat = $state.raw<Chat | null>(null);

/** The chat; the first call connects it. */
export function roomChat(): Chat {
  if (!chat) {
    chat = new Chat(new ProgramTransport());
    chat.start();
  }
  return chat;
}

/** The chat, once something shows it. */
export function connectedChat(): Chat | null {
  return chat;
}
