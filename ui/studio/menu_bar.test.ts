import { flushSync, mount, unmount } from 'svelte';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import MenuBar from './MenuBar.svelte';

let bar: Record<string, unknown>;

const menu = (name: string): HTMLElement => {
  const button = document.querySelector<HTMLElement>(`[data-testid="${name}-menu"]`);
  if (!button) {
    throw new Error(`${name} is in the menu bar`);
  }
  return button;
};

const isOpen = (name: string): boolean => menu(name).getAttribute('aria-expanded') === 'true';

/** What a mouse or a finger does: it comes over the button, then presses it. */
function click(name: string): void {
  menu(name).dispatchEvent(new Event('pointerenter'));
  flushSync();
  menu(name).click();
  flushSync();
}

beforeEach(() => {
  const props = {
    onsettings: vi.fn(),
    onstop: vi.fn(),
    onaddress: vi.fn(),
    oncopy: vi.fn(),
    onabout: vi.fn(),
    onreport: vi.fn(),
  };
  bar = mount(MenuBar, { target: document.body, props });
  flushSync();
});

afterEach(() => unmount(bar));

test('a menu opens by one click, also while another one is open', () => {
  click('file');
  expect(isOpen('file')).toBe(true);
  click('origin');
  expect(isOpen('origin')).toBe(true);
  expect(isOpen('file')).toBe(false);
});

test('a second click closes the menu', () => {
  click('origin');
  click('origin');
  expect(isOpen('origin')).toBe(false);
  click('file');
  click('origin');
  click('origin');
  expect(isOpen('origin')).toBe(false);
});

test('the pointer opens a menu only while another one is open', () => {
  menu('origin').dispatchEvent(new Event('pointerenter'));
  flushSync();
  expect(isOpen('origin')).toBe(false);
});
