import { flushSync, mount, unmount } from 'svelte';
import { expect, test } from 'vitest';
import { Chat } from './chat.svelte';
import { readFloor } from './floor_frames';
import RulesForm from './RulesForm.svelte';
import type { TransportListener } from './transport';

let listener: TransportListener;

test('a rule that may not be changed shows what stands, and without a connection none can be', async () => {
  const chat = new Chat({ start: (to) => (listener = to), send: () => true, stop: () => undefined }, {}, () => 'c1');
  chat.start();
  listener.opened();
  const member = { id: 'm', name: 'Mara', roles: ['owner'] };
  const floor = readFloor({ settings: { slow_mode_s: 5 } });
  listener.frame({ type: 'welcome', epoch: 'e', seq: 1, member, room: null, history: [], floor });
  const view = mount(RulesForm, { target: document.body, props: { chat } });
  flushSync();
  const find = <T extends Element>(id: string): T => document.querySelector(`[data-testid="${id}"]`) as T;
  const [locked, slow] = [find<HTMLInputElement>('rule-locked'), find<HTMLSelectElement>('rule-slow')];
  const refuse = (): void => {
    listener.frame({ type: 'error', id: 'c1', code: 'not_allowed', message: '', retry_after_ms: null });
    flushSync();
  };
  locked.click();
  flushSync();
  expect(locked.checked).toBe(true);
  refuse();
  expect(locked.checked).toBe(false);
  slow.value = slow.options[0]?.value ?? '';
  slow.dispatchEvent(new Event('change', { bubbles: true }));
  refuse();
  expect(slow.selectedOptions[0]?.textContent).toContain('5');
  listener.closed();
  flushSync();
  expect(find<HTMLFieldSetElement>('rules').disabled).toBe(true);
  await unmount(view);
});
