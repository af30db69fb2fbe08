import { flushSync, mount, unmount } from 'svelte';
import { afterEach, expect, test, vi } from 'vitest';
import type { MessageFrame } from '../chat/frames';
import Danmaku from './Danmaku.svelte';
import { keepSettings, readSettings, USUAL } from './settings';

let shown: Record<string, unknown> | null = null;

afterEach(async () => {
  if (shown) {
    await unmount(shown);
  }
  shown = null;
  document.body.replaceChildren();
  localStorage.clear();
  vi.unstubAllGlobals();
});

function flying(seq: number): MessageFrame {
  const from = { id: 'ada', name: 'Ada', roles: [] };
  const danmaku = { color: '#ffffff', position: 'scroll' } as const;
  return { type: 'message', seq, id: null, from, text: `line ${seq}`, at: 0, danmaku };
}

function open(reduced: boolean, settings = { ...USUAL }) {
  vi.stubGlobal('matchMedia', () => ({ matches: reduced }));
  const durations: number[] = [];
  Element.prototype.animate = function animate(_: unknown, options: unknown): Animation {
    durations.push((options as { duration: number }).duration);
    return { onfinish: null } as unknown as Animation;
  };
  const made = mount(Danmaku, { target: document.body, props: { enabled: true, me: null, settings } });
  shown = made;
  const sky = document.querySelector<HTMLElement>('[data-testid=danmaku]');
  Object.defineProperty(sky, 'clientHeight', { value: 600 });
  Object.defineProperty(sky, 'clientWidth', { value: 800 });
  flushSync();
  return { made, sky, durations };
}

test('with reduced motion nothing flies: the last three stand still', () => {
  const { made, durations } = open(true);
  for (const seq of [1, 2, 3, 4]) {
    made.show(flying(seq));
  }
  flushSync();
  expect(durations).toEqual([]);
  expect(document.querySelectorAll('.fly')).toHaveLength(0);
  const still = [...document.querySelectorAll('[data-testid=danmaku-still] li')].map((line) => line.textContent);
  expect(still).toEqual(['line 2', 'line 3', 'line 4']);
});

test('they fly as it is set: how clear, how large, how high and how long', () => {
  const { made, sky, durations } = open(false, { opacity: 40, size: 150, area: 0, seconds: 12 });
  for (let seq = 1; seq <= 9; seq += 1) {
    made.show(flying(seq));
  }
  expect(sky?.style.opacity).toBe('0.4');
  expect(sky?.style.getPropertyValue('--letters')).toBe('30px');
  // A third of 600 pixels holds three lanes of 51; what finds none stands in the chat alone.
  expect(document.querySelectorAll('.fly')).toHaveLength(3);
  expect(durations).toEqual([12_000, 12_000, 12_000]);
});

test('what is set is kept in the browser, and what makes no sense is brought into its range', () => {
  expect(readSettings()).toEqual(USUAL);
  keepSettings({ opacity: 50, size: 120, area: 2, seconds: 5 });
  expect(readSettings()).toEqual({ opacity: 50, size: 120, area: 2, seconds: 5 });
  localStorage.setItem('rostrum.danmaku_look', '{"opacity":900,"size":"big","area":-3,"seconds":4.4}');
  expect(readSettings()).toEqual({ opacity: 100, size: 100, area: 0, seconds: 4 });
  localStorage.setItem('rostrum.danmaku_look', 'no JSON');
  expect(readSettings()).toEqual(USUAL);
});

test('in a page that nobody looks at nothing flies', () => {
  const { made, durations } = open(false);
  vi.spyOn(document, 'hidden', 'get').mockReturnValue(true);
  made.show(flying(1));
  expect([durations, document.querySelectorAll('.fly').length]).toEqual([[], 0]);
});
