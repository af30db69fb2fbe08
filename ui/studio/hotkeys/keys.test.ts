import { describe, expect, it } from 'vitest';
import type { Action, HotkeysView } from '../bindings';
import { caps, keysOf, type Press, pressed, wrong } from './keys';

function press(key: string, more: Partial<Press> = {}): Press {
  const code = /^[a-z]$/i.test(key) ? `Key${key.toUpperCase()}` : key;
  return { key, code, ctrlKey: false, altKey: false, shiftKey: false, metaKey: false, target: null, ...more };
}

function hotkeys(keys: Partial<Record<Action, string>>, singleLetters = true): HotkeysView {
  const rows = Object.entries(keys).map(([action, written]) => ({
    action: action as Action,
    keys: written,
    background: null,
    mayBackground: true,
    refused: null,
  }));
  return { rows, singleLetters, changed: false, background: 'offered' };
}

describe('keys', () => {
  it('are written as the program reads them', () => {
    expect(keysOf(press('L', { ctrlKey: true, shiftKey: true }))).toBe('Ctrl Shift L');
    expect(keysOf(press('h'))).toBe('H');
    expect(keysOf(press('F6', { shiftKey: true }))).toBe('Shift F6');
    expect(keysOf(press('9', { code: 'Digit9', altKey: true, metaKey: true }))).toBe('Alt Super 9');
  });

  it('are those of the keyboard where Shift or a layout types something else', () => {
    expect(keysOf(press('!', { code: 'Digit1', ctrlKey: true, shiftKey: true }))).toBe('Ctrl Shift 1');
    expect(keysOf(press('<', { code: 'Comma', ctrlKey: true, shiftKey: true }))).toBe('Ctrl Shift ,');
    expect(keysOf(press('д', { code: 'KeyL', ctrlKey: true }))).toBe('Ctrl L');
    expect(keysOf(press('a', { code: 'KeyQ', ctrlKey: true }))).toBe('Ctrl A');
  });

  it('are none where a key has a meaning of its own everywhere', () => {
    for (const key of ['Escape', 'Enter', 'Tab', ' ', 'Backspace', 'ArrowUp', 'Shift', 'Control']) {
      expect(keysOf(press(key)), key).toBeNull();
    }
  });

  it('do what the person wants, and of the scenes each digit its own', () => {
    const mine = hotkeys({ mute: 'Ctrl M', scenes: 'Alt 1' });
    expect(pressed(mine, press('m', { ctrlKey: true }))).toEqual({ action: 'mute', at: 0 });
    expect(pressed(mine, press('4', { code: 'Digit4', altKey: true }))).toEqual({ action: 'scenes', at: 3 });
    expect(pressed(mine, press('0', { code: 'Digit0', altKey: true }))).toBeNull();
    expect(pressed(mine, press('d', { ctrlKey: true }))).toBeNull();
  });

  it('do nothing where somebody writes, but those that nobody writes with', () => {
    const target = document.createElement('input');
    const mine = hotkeys({ hide: 'H', remove: 'Delete', mute: 'Ctrl D', 'next-part': 'F6' });
    expect(pressed(mine, press('h', { target }))).toBeNull();
    expect(pressed(mine, press('Delete', { target }))).toBeNull();
    expect(pressed(mine, press('d', { target, ctrlKey: true }))?.action).toBe('mute');
    expect(pressed(mine, press('F6', { target }))?.action).toBe('next-part');
  });

  it('of a single letter can be switched off', () => {
    const mine = hotkeys({ hide: 'H', lock: 'Shift L', remove: 'Delete', mute: 'Ctrl D' }, false);
    expect(pressed(mine, press('h'))).toBeNull();
    expect(pressed(mine, press('L', { shiftKey: true }))).toBeNull();
    expect(pressed(mine, press('Delete'))?.action).toBe('remove');
    expect(pressed(mine, press('d', { ctrlKey: true }))?.action).toBe('mute');
  });

  it('are refused with a reason', () => {
    const mine = hotkeys({ mute: 'Ctrl D', scenes: 'Ctrl 1' });
    expect(wrong(mine, 'record', 'Ctrl D')).toEqual({ type: 'taken', by: 'mute' });
    expect(wrong(mine, 'record', 'Ctrl 7')).toEqual({ type: 'taken', by: 'scenes' });
    expect(wrong(mine, 'scenes', 'Alt L')).toEqual({ type: 'digit' });
    expect(wrong(mine, 'record', 'Ctrl C')).toEqual({ type: 'text' });
    expect(wrong(mine, 'mute', 'Ctrl D')).toBeNull();
  });

  it('are shown one by one', () => {
    expect(caps('scenes', 'Ctrl 1')).toEqual(['Ctrl', '1', '…', '9']);
    expect(caps('remove', 'Delete')).toEqual(['Del']);
  });
});
