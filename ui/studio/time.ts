// Lengths of time and rates as the studio writes them.

/** `00:42:17`. */
export function clock(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(Math.floor(seconds / 3_600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

/** `42:17`, from an hour on `1:02:03`: where there is little room. */
export function shortClock(ms: number): string {
  return clock(ms).replace(/^00:|^0/, '');
}

/** Whole seconds still to wait; 1 until the very end, so that 0 means now. */
export function countdown(left_ms: number): number {
  return Math.max(0, Math.ceil(left_ms / 1_000));
}

/** `2.5 Mb/s`. */
export function rate(bits_per_second: number): string {
  return `${(bits_per_second / 1_000_000).toFixed(1)} Mb/s`;
}

/** `12.3 MB`; from a thousand on in GB. */
export function megabytes(kilobytes: number): string {
  const mega = kilobytes / 1_000;
  return mega < 1_000 ? `${mega.toFixed(1)} MB` : `${(mega / 1_000).toFixed(2)} GB`;
}

/** `−14.2`: with a true minus sign, as a level is written. */
export function decibels(db: number, digits = 1): string {
  return db.toFixed(digits).replace('-', '−');
}
