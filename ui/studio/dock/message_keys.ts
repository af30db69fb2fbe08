// The keys on messages of the chat, for who moderates without a mouse. The chat itself is the watch page's too and knows
// nothing of them.
import type { Attachment } from 'svelte/attachments';
import type { Chat } from '$lib/chat/chat.svelte';
import type { Moderation } from './moderation.svelte';

const MESSAGE = '[data-testid="chat-message"]';
const INPUT = '[data-testid="chat-input"]';

/** What each key does to the message that has the keyboard. */
function act(key: string, message: HTMLElement, chat: Chat, moderation: Moderation): boolean {
  const line = chat.line(Number(message.dataset.seq));
  if (!line) {
    return false;
  }
  switch (key.toLowerCase()) {
    case 'delete':
      moderation.delete(line);
      return true;
    case 't':
      moderation.timeout(line.from);
      return true;
    case 'b':
      moderation.ban(line.from);
      return true;
    case 'enter':
      message.querySelector<HTMLElement>('[data-testid="message-more"]')?.click();
      return true;
    default:
      return false;
  }
}

/** For the element that holds the chat. `letters` tells whether single letters are keys. */
export function messageKeys(chat: Chat, moderation: Moderation, letters: () => boolean): Attachment<HTMLElement> {
  return (root) => {
    function go(message: HTMLElement | undefined): void {
      // The row itself has no place in the order of the Tab key.
      message?.setAttribute('tabindex', '-1');
      message?.focus();
    }

    /** Moves from `message` by `step`; behind the last one is the box. */
    function walk(message: HTMLElement, step: number): void {
      const all = [...root.querySelectorAll<HTMLElement>(MESSAGE)];
      const next = all.indexOf(message) + step;
      if (next >= all.length) {
        root.querySelector<HTMLElement>(INPUT)?.focus();
      } else {
        go(all[Math.max(0, next)]);
      }
    }

    function onMessage(event: KeyboardEvent, message: HTMLElement): boolean {
      const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (step !== undefined) {
        walk(message, step);
        return true;
      }
      if (event.key === 'Escape') {
        root.querySelector<HTMLElement>(INPUT)?.focus();
        return true;
      }
      return (event.key.length > 1 || letters()) && act(event.key, message, chat, moderation);
    }

    function keydown(event: KeyboardEvent): void {
      const { target } = event;
      if (!(target instanceof HTMLElement) || event.isComposing || event.altKey || event.metaKey || event.shiftKey) {
        return;
      }
      const message = target.matches(MESSAGE) ? target : null;
      let done = false;
      if (event.ctrlKey) {
        done = message !== null && event.key === 'z' && moderation.canUndo;
        if (done) {
          moderation.undo();
        }
      } else if (message) {
        done = onMessage(event, message);
      } else if (target.matches(INPUT) && event.key === 'ArrowUp') {
        go([...root.querySelectorAll<HTMLElement>(MESSAGE)].at(-1));
        done = true;
      }
      if (done) {
        event.preventDefault();
        event.stopPropagation();
      }
    }

    root.addEventListener('keydown', keydown);
    return () => root.removeEventListener('keydown', keydown);
  };
}
