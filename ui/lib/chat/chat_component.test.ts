import { flushSync, mount, unmount } from 'svelte';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { formatClock } from '../format';
import { setLanguage } from '../i18n/i18n.svelte';
import ChatView from './Chat.svelte';
import { Chat } from './chat.svelte';
import { readFloor } from './floor_frames';
import type { ServerFrame } from './frames';
import type { TransportListener } from './transport';

let listener: TransportListener;
let view: Record<string, unknown>;
const sent = vi.fn(() => true);
const renamed = vi.fn();

const $ = (id: string): HTMLElement => {
  const element = document.querySelector<HTMLElement>(`[data-testid="${id}"]`);
  if (!element) {
    throw new Error(`${id} is on the page`);
  }
  return element;
};

function tell(...frames: ServerFrame[]): void {
  for (const frame of frames) {
    listener.frame(frame);
  }
  flushSync();
}

function type(text: string): void {
  const input = $('chat-input') as HTMLInputElement;
  input.value = text;
  input.dispatchEvent(new Event('input', { bubbles: true }));
  flushSync();
}

beforeEach(() => {
  vi.stubGlobal(
    'ResizeObserver',
    class {
      observe(): void {}
      disconnect(): void {}
    },
  );
  setLanguage('en');
  sent.mockClear();
  const chat = new Chat({ start: (to) => (listener = to), send: sent, stop: () => undefined }, {}, () => 'c1');
  chat.start();
  view = mount(ChatView, { target: document.body, props: { chat, guestName: '', onrename: renamed } });
  listener.opened();
  tell({
    type: 'welcome',
    epoch: 'e',
    seq: 1,
    member: { id: 'me', name: 'Guest 4', roles: ['guest'] },
    room: null,
    history: [
      { type: 'message', seq: 1, id: null, from: { id: 'm', name: 'Mara', roles: ['owner'] }, text: 'hi', at: 0 },
    ],
  });
});

afterEach(() => {
  void unmount(view);
  document.body.replaceChildren();
  vi.unstubAllGlobals();
});

test('messages are text, whatever they contain, and the host has a badge', () => {
  tell({
    type: 'message',
    seq: 2,
    id: null,
    from: { id: 'x', name: '<i>Eve</i>', roles: [] },
    text: '<img src=x onerror=alert(1)>',
    at: 0,
  });
  const lines = document.querySelectorAll('[data-testid="chat-message"]');
  expect(lines).toHaveLength(2);
  expect(lines[0]?.textContent).toContain('Host');
  expect(lines[1]?.querySelector('img, i')).toBeNull();
  expect(lines[1]?.textContent).toContain('<img src=x onerror=alert(1)>');
  expect(document.querySelector('[role="log"]')?.getAttribute('aria-label')).toBe('Chat');
});

test('a written message leaves the box and shows as being sent, then as refused in words', () => {
  type('hello');
  document.querySelector('form')?.requestSubmit();
  flushSync();
  expect(sent).toHaveBeenCalledWith({ type: 'send', id: 'c1', text: 'hello' });
  expect(($('chat-input') as HTMLInputElement).value).toBe('');
  expect($('chat-pending').textContent).toContain('Sending');
  tell({ type: 'error', id: 'c1', code: 'rate_limited', message: 'slow down', retry_after_ms: 3000 });
  expect($('chat-pending').textContent).toContain('You write too fast. Wait 3 seconds.');
});

test('a message over the limit cannot be sent, and the page says by how much', () => {
  type('字'.repeat(502));
  expect(($('chat-send') as HTMLButtonElement).disabled).toBe(true);
  expect(document.body.textContent).toContain('2 characters too many');
});

test('a lost connection is said, in the language of the page', () => {
  setLanguage('zh-CN');
  listener.closed();
  flushSync();
  expect($('chat-lost').textContent).toContain('聊天连接断开');
  expect(document.documentElement.lang).toBe('zh-CN');
});

test('a guest chooses a name', () => {
  const field = $('guest-name') as HTMLInputElement;
  expect(field.placeholder).toBe('Guest 4');
  field.value = ' Ada ';
  field.dispatchEvent(new Event('change', { bubbles: true }));
  expect(renamed).toHaveBeenCalledWith('Ada');
});

test('a reader who scrolled up is not moved and is told of new messages', async () => {
  const log = document.querySelector('[role="log"]') as HTMLElement;
  Object.defineProperties(log, { scrollHeight: { value: 1000 }, clientHeight: { value: 200 } });
  log.dispatchEvent(new Event('wheel'));
  log.scrollTop = 100;
  log.dispatchEvent(new Event('scroll'));
  flushSync();
  tell({ type: 'message', seq: 2, id: null, from: { id: 'x', name: 'Xu', roles: [] }, text: 'new', at: 0 });
  await Promise.resolve();
  expect(log.scrollTop).toBe(100);
  $('chat-newer').click();
  flushSync();
  expect(log.scrollTop).toBe(1000);
  expect(document.querySelector('[data-testid="chat-newer"]')).toBeNull();
});

test('who may no longer write keeps the keyboard and what they wrote', () => {
  const input = $('chat-input') as HTMLInputElement;
  type('half a sent');
  input.focus();
  tell({ type: 'standing', sanction: { ban: false, until_ms: Date.now() + 60_000, reason: null } });
  // A box that is disabled loses the keyboard: the letters after it would be the player's shortcuts.
  expect([input.disabled, input.readOnly, input.value]).toEqual([false, true, 'half a sent']);
  expect(document.activeElement).toBe(input);
  expect(($('chat-send') as HTMLButtonElement).disabled).toBe(true);
  tell({ type: 'standing', sanction: null });
  expect([input.readOnly, input.value]).toEqual([false, 'half a sent']);
});

test('a time-out and a poll end by the clock of the origin, whatever this computer shows', () => {
  const origin = Date.now() + 3_600_000;
  const mine = {
    sanction: { ban: false, until_ms: origin - 60_000, reason: null },
    votes: [],
    upvotes: [],
    place: null,
  };
  tell({
    type: 'welcome',
    epoch: 'e',
    seq: 1,
    at: origin,
    member: { id: 'me', name: 'Guest 4', roles: ['guest'] },
    room: null,
    history: [],
    floor: readFloor({ mine }),
  });
  expect(document.querySelector('[data-testid="chat-barred"]')).toBeNull();
  tell({ type: 'standing', sanction: { ban: false, until_ms: origin + 60_000, reason: null } });
  // Told as this computer's clock will show it.
  expect($('chat-barred').textContent).toContain(formatClock(Date.now() + 60_000, 'en'));
  const poll = { id: 7, question: 'Which?', options: ['a', 'b'], multiple: false, quiz: false, counts: null };
  tell({ type: 'poll', seq: 2, poll: { ...poll, voters: 0, ends_at_ms: origin + 30_000, closed: false, right: null } });
  expect($('poll').textContent).toMatch(/0:(29|30)/);
});

test('a vote that is refused can be given again', () => {
  const poll = { id: 7, question: 'Which?', options: ['a', 'b'], multiple: false, quiz: false, counts: null };
  tell({ type: 'poll', seq: 2, poll: { ...poll, voters: 0, ends_at_ms: null, closed: false, right: null } });
  const option = $('poll-option') as HTMLButtonElement;
  option.click();
  flushSync();
  expect(option.disabled).toBe(true);
  tell({ type: 'error', id: 'c1', code: 'rate_limited', message: '', retry_after_ms: 1_000 });
  expect(option.disabled).toBe(false);
});

test('a question that is refused is in its field again', () => {
  $('tool-questions').click();
  flushSync();
  const field = $('question-input') as HTMLInputElement;
  const ask = (): void => {
    field.value = 'Why?';
    field.dispatchEvent(new Event('input', { bubbles: true }));
    flushSync();
    $('question-send').click();
    flushSync();
  };
  ask();
  expect(field.value).toBe('');
  tell({ type: 'error', id: 'c1', code: 'locked', message: '', retry_after_ms: null });
  expect(field.value).toBe('Why?');
  ask();
  const me = { id: 'me', name: 'Guest 4' };
  tell({ type: 'question', seq: 2, question: { id: 1, from: me, text: 'Why?', votes: 0, answered: false } });
  tell({ type: 'error', id: null, code: 'name_refused', message: '', retry_after_ms: null });
  expect(field.value).toBe('');
});
