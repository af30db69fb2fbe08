import { flushSync, mount, unmount } from 'svelte';
import { expect, test, vi } from 'vitest';
import { Chat } from './chat.svelte';
import NewPoll from './NewPoll.svelte';
import type { TransportListener } from './transport';

let listener: TransportListener;

test('a poll that is refused is still there to be mended, and goes away once it is open', async () => {
  const chat = new Chat({ start: (to) => (listener = to), send: () => true, stop: () => undefined }, {}, () => 'c1');
  chat.start();
  listener.opened();
  const member = { id: 'm', name: 'Mara', roles: ['owner'] };
  listener.frame({ type: 'welcome', epoch: 'e', seq: 1, member, room: null, history: [] });
  const ondone = vi.fn();
  const view = mount(NewPoll, { target: document.body, props: { chat, ondone } });
  const inputs = [...document.querySelectorAll<HTMLInputElement>('input.input')];
  for (const [at, text] of ['Which?', 'a', 'a'].entries()) {
    const input = inputs[at] as HTMLInputElement;
    input.value = text;
    input.dispatchEvent(new Event('input', { bubbles: true }));
  }
  flushSync();
  const start = document.querySelector('[data-testid=poll-start]') as HTMLButtonElement;
  start.click();
  flushSync();
  expect(start.disabled).toBe(true);
  listener.frame({ type: 'error', id: 'c1', code: 'bad_frame', message: 'not different', retry_after_ms: null });
  flushSync();
  expect([ondone.mock.calls.length, inputs[0]?.value, start.disabled]).toEqual([0, 'Which?', false]);
  start.click();
  const poll = { id: 7, question: 'Which?', options: ['a', 'b'], multiple: false, quiz: false, counts: null };
  listener.frame({
    type: 'poll',
    seq: 2,
    poll: { ...poll, voters: 0, ends_at_ms: null, closed: false, right: null },
  });
  flushSync();
  expect(ondone).toHaveBeenCalledTimes(1);
  await unmount(view);
});
