// The key that is held to be heard.
import { commands } from '../bindings';
import { types } from '../hotkeys/keys';
import { ask, view } from '../model.svelte';

let held = false;

/** Whether what has the focus does something of its own with the key. */
function uses(target: EventTarget | null): boolean {
  const control = 'button, a, summary, input, select, [role="option"], [role^="menuitem"]';
  return types(target) || (target instanceof Element && target.closest(control) !== null);
}

/** Lets the person be heard, if that is what the key is for now; tells whether it is. */
export function begin(event: KeyboardEvent): boolean {
  const bare = event.key === ' ' && !event.ctrlKey && !event.altKey && !event.metaKey && !event.shiftKey;
  if (!bare || !view()?.pushToTalk || uses(event.target)) {
    return false;
  }
  if (!held) {
    held = true;
    ask(commands.talk(true));
  }
  return true;
}

/** The key is let go, or the window is left with it. */
export function end(event: Event): void {
  if (held && (!(event instanceof KeyboardEvent) || event.key === ' ')) {
    held = false;
    ask(commands.talk(false));
  }
}
