// The keys that the person has, where the window needs them.
import type { Action } from '../bindings';
import { view } from '../model.svelte';
import { caps, pressed } from './keys';

/** What a key press does, and for a scene which one, from 0 on. */
export function hit(event: KeyboardEvent): { action: Action; at: number } | null {
  const hotkeys = view()?.hotkeys;
  return hotkeys ? pressed(hotkeys, event) : null;
}

/** What is pressed for an action; empty when nothing is. */
export function keysFor(action: Action): string {
  const keys = view()?.hotkeys.rows.find((row) => row.action === action)?.keys;
  return keys ? caps(action, keys).join(' ') : '';
}

/** What a control does, with its keys. */
export function named(text: string, action: Action): string {
  const keys = keysFor(action);
  return keys ? `${text} (${keys})` : text;
}
