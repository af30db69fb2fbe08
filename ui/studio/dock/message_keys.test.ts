import { beforeEach, expect, test, vi } from 'vitest';
import { Chat } from '$lib/chat/chat.svelte';
import type { ClientFrame, ServerFrame } from '$lib/chat/frames';
import type { Transport, TransportListener } from '$lib/chat/transport';
import { messageKeys } from './message_keys';
import { Moderation } from './moderation.svelte';

/** Hands frames to the chat, and remembers what the chat sends. */
class Wire implements Transport {
  sent: ClientFrame[] = [];
  #listener: TransportListener | null = null;
  start(listener: TransportListener): void {
    this.#listener = listener;
    listener.opened();
  }
  send(frame: ClientFrame): boolean {
    this.sent.push(frame);
    return true;
  }
  stop(): void {
    this.#listener = null;
  }
  hear(frame: ServerFrame): void {
    this.#listener?.frame(frame);
  }
}

let wire: Wire;
let moderation: Moderation;
let letters: boolean;
let root: HTMLElement;

const message = (seq: number, id: string, roles: string[] = ['guest']): ServerFrame => ({
  type: 'message',
  seq,
  id: null,
  from: { id, name: id, roles },
  text: 'hello',
  at: 0,
});
const row = (seq: number): HTMLElement => root.querySelector<HTMLElement>(`[data-seq="${seq}"]`) as HTMLElement;
const input = (): HTMLElement => root.querySelector<HTMLElement>('input') as HTMLElement;

function press(key: string, ctrlKey = false): void {
  const event = new KeyboardEvent('keydown', { key, ctrlKey, bubbles: true, cancelable: true });
  document.activeElement?.dispatchEvent(event);
}

beforeEach(() => {
  vi.useFakeTimers();
  wire = new Wire();
  letters = true;
  let count = 0;
  const chat = new Chat(wire, {}, () => `id${++count}`);
  chat.start();
  const me = { id: 'me', name: 'Mara', roles: ['owner'] };
  wire.hear({ type: 'welcome', epoch: 'e', seq: 0, member: me, room: null, history: [] });
  wire.hear(message(1, 'ann'));
  wire.hear(message(2, 'bob'));
  wire.hear(message(3, 'root', ['admin']));
  moderation = new Moderation(chat);
  document.body.innerHTML = `<div id="root">${[1, 2, 3]
    .map((seq) => `<p data-testid="chat-message" data-seq="${seq}"><button data-testid="message-more"></button></p>`)
    .join('')}<input data-testid="chat-input"></div>`;
  root = document.querySelector<HTMLElement>('#root') as HTMLElement;
  messageKeys(chat, moderation, () => letters)(root);
  input().focus();
});

test('the arrow walks from the box to the messages and back', () => {
  press('ArrowUp');
  expect(document.activeElement).toBe(row(3));
  press('ArrowUp');
  press('ArrowUp');
  press('ArrowUp');
  expect(document.activeElement).toBe(row(1));
  press('ArrowDown');
  expect(document.activeElement).toBe(row(2));
  press('Escape');
  expect(document.activeElement).toBe(input());
});

test('a key deletes, another takes it back for ten seconds', () => {
  press('ArrowUp');
  press('ArrowUp');
  press('Delete');
  expect(wire.sent).toEqual([{ type: 'delete', message: 2, id: 'id1' }]);
  press('z', true);
  expect(wire.sent.at(-1)).toEqual({ type: 'restore', message: 2, id: 'id2' });
  press('Delete');
  vi.advanceTimersByTime(10_000);
  press('z', true);
  expect(wire.sent).toHaveLength(3);
});

test('letters time out and ban who wrote it, where the room lets them', () => {
  press('ArrowUp');
  press('b');
  expect(wire.sent).toEqual([]);
  expect(moderation.told).toContain('root');
  press('ArrowUp');
  press('t');
  press('B');
  expect(wire.sent.map((frame) => frame.type)).toEqual(['timeout', 'ban']);
});

test('letters do nothing where single letters are switched off, nor in the box', () => {
  press('t');
  letters = false;
  press('ArrowUp');
  press('ArrowUp');
  press('t');
  press('b');
  expect(wire.sent).toEqual([]);
});

test('Enter opens the menu of the message', () => {
  const opened = vi.fn();
  row(3).querySelector('button')?.addEventListener('click', opened);
  press('ArrowUp');
  press('Enter');
  expect(opened).toHaveBeenCalledOnce();
});
