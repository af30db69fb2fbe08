/** Rows of a list that are put in another order with the pointer. Whoever has none uses keys or a menu. */
import type { Attachment } from 'svelte/attachments';

interface Options {
  /** What of a row begins a drag: a selector. */
  handle: string;
  /** The rows: children of the list, by a selector. */
  rows: string;
  /** A row was let go in another place; both counted from 0. */
  onmove: (from: number, to: number) => void;
}

interface Drag {
  pointer: number;
  row: HTMLElement;
  /** The rows as they were when it began. */
  all: HTMLElement[];
  from: number;
  to: number;
  /** Where the pointer was, in the window, and how far the list was scrolled. Pixels. */
  y: number;
  scrolled: number;
}

/** A click moves the pointer by less. Pixels. */
const SLACK = 5;
/** So near to the end of a list that is longer than its window, it goes on. Pixels. */
const EDGE = 18;
/** Longer than the program's answer takes to be shown. Milliseconds. */
const SHOWN_MS = 1_000;

/** Where a row belongs whose middle is at `middle`, when the others' middles are at `others`, in their order. */
export function placeOf(middle: number, others: number[]): number {
  return others.filter((other) => other < middle).length;
}

export function reorder({ handle, rows, onmove }: Options): Attachment<HTMLElement> {
  return (list) => {
    let drag: Drag | null = null;
    let moving = false;
    let waits = 0;

    function down(event: PointerEvent): void {
      const target = event.target instanceof Element ? event.target.closest(handle) : null;
      const row = target?.closest<HTMLElement>(rows);
      if (!row || event.button !== 0 || event.pointerType === 'touch') {
        return;
      }
      settle();
      const all = [...list.querySelectorAll<HTMLElement>(rows)];
      const from = all.indexOf(row);
      drag = { pointer: event.pointerId, row, all, from, to: from, y: event.clientY, scrolled: list.scrollTop };
    }

    function move(event: PointerEvent): void {
      if (!drag || event.pointerId !== drag.pointer) {
        return;
      }
      if (!moving) {
        if (Math.abs(event.clientY - drag.y) < SLACK) {
          return;
        }
        moving = true;
        list.setPointerCapture(drag.pointer);
        drag.row.classList.add('dragged');
      }
      const { top, bottom } = list.getBoundingClientRect();
      list.scrollTop += event.clientY < top + EDGE ? -EDGE : event.clientY > bottom - EDGE ? EDGE : 0;
      const by = event.clientY - drag.y + list.scrollTop - drag.scrolled;
      const middle = (row: HTMLElement): number => row.offsetTop + row.offsetHeight / 2;
      const others = drag.all.filter((row) => row !== drag?.row).map(middle);
      drag.to = placeOf(middle(drag.row) + by, others);
      const height = drag.row.offsetHeight;
      for (const [at, row] of drag.all.entries()) {
        const up = at > drag.from && at <= drag.to;
        const down = at < drag.from && at >= drag.to;
        row.style.translate = row === drag.row ? `0 ${by}px` : up ? `0 ${-height}px` : down ? `0 ${height}px` : '';
      }
    }

    function up(event: PointerEvent): void {
      if (!drag || event.pointerId !== drag.pointer) {
        return;
      }
      const { from, to } = drag;
      if (!moving) {
        drag = null;
        return;
      }
      // What would be a click was a drag.
      list.addEventListener('click', swallow, { capture: true, once: true });
      setTimeout(() => list.removeEventListener('click', swallow, { capture: true }));
      if (from === to) {
        settle();
        return;
      }
      onmove(from, to);
      // The rows stay where they are seen until they are there.
      moving = false;
      waits = window.setTimeout(settle, SHOWN_MS);
      changed.observe(list, { childList: true });
    }

    function swallow(event: Event): void {
      event.stopPropagation();
      event.preventDefault();
    }

    function settle(): void {
      window.clearTimeout(waits);
      changed.disconnect();
      for (const row of drag?.all ?? []) {
        row.style.translate = '';
        row.classList.remove('dragged');
      }
      drag = null;
      moving = false;
    }

    function key(event: KeyboardEvent): void {
      if (event.key === 'Escape' && moving) {
        settle();
        event.preventDefault();
        event.stopPropagation();
      }
    }

    const changed = new MutationObserver(settle);
    list.addEventListener('pointerdown', down);
    list.addEventListener('pointermove', move);
    list.addEventListener('pointerup', up);
    list.addEventListener('pointercancel', settle);
    window.addEventListener('keydown', key, { capture: true });
    return () => {
      settle();
      list.removeEventListener('pointerdown', down);
      list.removeEventListener('pointermove', move);
      list.removeEventListener('pointerup', up);
      list.removeEventListener('pointercancel', settle);
      window.removeEventListener('keydown', key, { capture: true });
    };
  };
}
