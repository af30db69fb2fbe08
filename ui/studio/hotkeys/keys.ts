// Keys as the program writes them, `Ctrl Shift L`, and what they do in this window.
import type { Action, HotkeysView } from '../bindings';

/** A key press, as much of it as matters here. */
export type Press = Pick<KeyboardEvent, 'key' | 'code' | 'ctrlKey' | 'altKey' | 'shiftKey' | 'metaKey' | 'target'>;

/** What a key types on a keyboard as the United States have it, for layouts that type something else there. */
const SIGNS: Record<string, string> = {
  Comma: ',',
  Minus: '-',
  Period: '.',
  Slash: '/',
  Semicolon: ';',
  Quote: "'",
  Equal: '=',
  BracketLeft: '[',
  BracketRight: ']',
  Backslash: '\\',
  Backquote: '`',
};
const NAMED = ['Delete', 'Insert'];

function keyOf({ key, code }: Press): string | null {
  // Before the letter: Shift and a digit type a sign.
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(code)?.[1];
  if (digit && (code.startsWith('Digit') || key === digit)) {
    return digit;
  }
  if (/^[a-z]$/i.test(key)) {
    return key.toUpperCase();
  }
  if (Object.values(SIGNS).includes(key) || NAMED.includes(key) || /^F([1-9]|1\d|2[0-4])$/.test(key)) {
    return key;
  }
  // A layout without Latin letters.
  return /^Key([A-Z])$/.exec(code)?.[1] ?? SIGNS[code] ?? null;
}

/** The keys that are pressed, written; `null` for those that nothing can be given to. */
export function keysOf(press: Press): string | null {
  const key = keyOf(press);
  const held = [
    press.ctrlKey && 'Ctrl',
    press.altKey && 'Alt',
    press.shiftKey && 'Shift',
    press.metaKey && 'Super',
    key,
  ];
  return key && held.filter(Boolean).join(' ');
}

/** Whether nobody presses them while writing: with Ctrl, Alt or Super, or a function key. */
function apart(keys: string): boolean {
  return /(Ctrl|Alt|Super) /.test(keys) || /(^| )F\d+$/.test(keys);
}

/** Whether what is pressed there is written. */
export function types(target: EventTarget | null): boolean {
  const field = 'input:not([type="checkbox"], [type="radio"], [type="range"]), textarea, select';
  return target instanceof Element && target.closest(field) !== null;
}

/** All that is pressed for an action. */
function all(action: Action, keys: string): string[] {
  return action === 'scenes' ? Array.from({ length: 9 }, (_, at) => keys.slice(0, -1) + (at + 1)) : [keys];
}

/** What a key press does, and for a scene which one, from 0 on. */
export function pressed(hotkeys: HotkeysView, press: Press): { action: Action; at: number } | null {
  const keys = keysOf(press);
  if (!keys) {
    return null;
  }
  const single = !apart(keys) && /^(?:Shift )?.$/.test(keys);
  if ((!apart(keys) && types(press.target)) || (single && !hotkeys.singleLetters)) {
    return null;
  }
  for (const row of hotkeys.rows) {
    const at = row.keys === null ? -1 : all(row.action, row.keys).indexOf(keys);
    if (at >= 0) {
      return { action: row.action, at };
    }
  }
  return null;
}

/** Why an action cannot have these keys; `null` when it can. */
export function wrong(
  hotkeys: HotkeysView,
  action: Action,
  keys: string,
): { type: 'taken'; by: Action } | { type: 'digit' | 'text' } | null {
  if (/^Ctrl [ACVX]$/.test(keys)) {
    return { type: 'text' };
  }
  if (action === 'scenes' && !/(^| )[1-9]$/.test(keys)) {
    return { type: 'digit' };
  }
  const wanted = all(action, keys);
  const by = hotkeys.rows.find(
    (row) =>
      row.action !== action && row.keys !== null && all(row.action, row.keys).some((one) => wanted.includes(one)),
  );
  return by ? { type: 'taken', by: by.action } : null;
}

/** The keys of an action one by one, as they stand on a keyboard; of the scenes the first and the last. */
export function caps(action: Action, keys: string): string[] {
  const each = keys.split(' ').map((key) => (key === 'Delete' ? 'Del' : key));
  return action === 'scenes' ? [...each, '…', '9'] : each;
}
