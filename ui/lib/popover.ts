/** What a button opens over the page: it closes on Esc, and when somebody presses or goes elsewhere. */
import type { Attachment } from 'svelte/attachments';

/**
 * For the element that holds the button, which says `aria-expanded`, and what it opens. Esc gives the focus back to the
 * button. `items` selects the entries of a menu: arrow keys, Home and End move among them.
 */
export function popover(isOpen: () => boolean, close: () => void, items?: string): Attachment<HTMLElement> {
  return (root) => {
    function keydown(event: KeyboardEvent): void {
      if (!isOpen()) {
        return;
      }
      const all = items === undefined ? [] : [...root.querySelectorAll<HTMLElement>(items)];
      const at = all.indexOf(document.activeElement as HTMLElement);
      const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
      if (event.key === 'Escape') {
        const button = root.querySelector<HTMLElement>('[aria-expanded="true"]');
        close();
        button?.focus();
      } else if (next !== undefined && all.length > 0) {
        all[(next + all.length) % all.length]?.focus();
      } else {
        return;
      }
      event.preventDefault();
      event.stopPropagation();
    }

    function elsewhere(event: Event): void {
      if (isOpen() && event.target instanceof Node && !root.contains(event.target)) {
        close();
      }
    }

    root.addEventListener('keydown', keydown);
    addEventListener('pointerdown', elsewhere);
    addEventListener('focusin', elsewhere);
    return () => {
      root.removeEventListener('keydown', keydown);
      removeEventListener('pointerdown', elsewhere);
      removeEventListener('focusin', elsewhere);
    };
  };
}
