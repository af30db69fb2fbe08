// Fields whose value also changes elsewhere.
import type { Attachment } from 'svelte/attachments';

/** Shows a value that changes elsewhere, but not under the hands of whoever types. */
export function mirrors(value: () => string): Attachment<HTMLInputElement | HTMLTextAreaElement> {
  return (field) => {
    const now = value();
    if (document.activeElement !== field || field.value === '') {
      field.value = now;
    }
  };
}

/** What stands in a field for numbers, within bounds; `null` while it is no number. */
export function numberIn(field: HTMLInputElement): number | null {
  const value = Number.parseFloat(field.value);
  if (!Number.isFinite(value)) {
    return null;
  }
  const [least, most] = [Number(field.min), Number(field.max)];
  return Math.min(Math.max(Math.round(value), least), most);
}
