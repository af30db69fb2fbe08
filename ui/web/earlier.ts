import { ask } from '$lib/api/client';
import { type MessageFrame, readMessages } from '$lib/chat/frames';

/** Messages asked for at once. */
export const PAGE = 100;

/** Reads a room's messages before line `before`, the oldest first; `null` when the origin did not answer. */
export function earlierOf(
  room: string,
): (before: number) => Promise<{ messages: MessageFrame[]; more: boolean } | null> {
  return async (before) => {
    const query = { before, limit: PAGE };
    const answer = await ask('GET', '/api/v1/rooms/{room}/messages', { path: { room }, query });
    if (!answer.ok) {
      return null;
    }
    const { messages } = answer.value;
    return { messages: readMessages(messages), more: messages.length === PAGE };
  };
}
