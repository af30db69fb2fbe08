import { flushSync, mount, unmount } from 'svelte';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { setLanguage } from '$lib/i18n/i18n.svelte';
import type { LivePlayer } from '$lib/player/live_player.svelte';
import type { Quality, Wish } from '$lib/player/quality';
import QualityMenu from './QualityMenu.svelte';

const BEST: Quality = { level: 1, side: 720, name: '720p', bitrate: 2_950_000 };
const SMALL: Quality = { level: 0, side: 240, name: '240p', bitrate: 400_000 };

let menu: Record<string, unknown> | undefined;
let wishes: Wish[];

beforeEach(() => {
  setLanguage('en');
  wishes = [];
});

afterEach(() => {
  if (menu) {
    void unmount(menu);
  }
  document.body.replaceChildren();
});

function show(qualities: Quality[], wish: Wish, playing: Quality | null): HTMLElement | null {
  const player = {
    qualities,
    wish,
    playing,
    soundAlone: qualities.length > 1,
    choose: (next: Wish) => wishes.push(next),
  };
  menu = mount(QualityMenu, { target: document.body, props: { player: player as unknown as LivePlayer } });
  flushSync();
  return document.querySelector<HTMLElement>('[data-testid="quality"]');
}

function press(key: string): void {
  document.activeElement?.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
  flushSync();
}

const entries = (): string[] =>
  Array.from(document.querySelectorAll('[role="menuitemradio"]'), (entry) =>
    (entry.textContent ?? '').replace(/\s+/g, ' ').trim(),
  );

async function opened(button: HTMLElement | null): Promise<void> {
  button?.click();
  flushSync();
  await Promise.resolve();
  await Promise.resolve();
}

test('with one rendition there is no menu', () => {
  expect(show([BEST], 'auto', BEST)).toBeNull();
});

test('the button says what plays, and the menu what there is', async () => {
  const button = show([BEST, SMALL], 'auto', SMALL);
  expect(button?.getAttribute('aria-label')).toBe('Quality: 240p');
  await opened(button);
  expect(entries()).toEqual(['Automatic 240p', '720p 3.0 Mb/s', '240p 0.4 Mb/s', 'Sound only']);
  expect(document.querySelector('[aria-checked="true"]')?.textContent).toContain('Automatic');
});

test('arrow keys and Enter choose, and Esc gives the focus back', async () => {
  const button = show([BEST, SMALL], 'auto', SMALL);
  await opened(button);
  press('ArrowDown');
  expect(document.activeElement?.textContent).toContain('720p');
  (document.activeElement as HTMLElement).click();
  flushSync();
  expect(wishes).toEqual([720]);
  await opened(button);
  press('Escape');
  expect(document.querySelector('[role="menu"]')).toBeNull();
  expect(document.activeElement).toBe(button);
});

test('a wish is shown as what meets it', async () => {
  const button = show([BEST, SMALL], 480, SMALL);
  await opened(button);
  expect(document.querySelector('[aria-checked="true"]')?.textContent).toContain('240p');
});
