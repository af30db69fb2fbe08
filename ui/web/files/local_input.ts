// The browser's field for a day and an hour speaks the person's own zone, without naming it.

const two = (value: number): string => String(value).padStart(2, '0');

/** `2026-11-21T18:52:00`, in the viewer's zone. */
export function toLocalInput(at_ms: number): string {
  const at = new Date(at_ms);
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** The moment that such a text names, Unix milliseconds; `null` when it names none. */
export function fromLocalInput(text: string): number | null {
  const at_ms = text === '' ? Number.NaN : new Date(text).getTime();
  return Number.isNaN(at_ms) ? null : at_ms;
}
