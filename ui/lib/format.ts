// Numbers and times as people read them, in the language of the page.

/** `2.1 s`: one decimal below ten seconds, whole seconds above. `null` while nothing was measured. */
export function formatSeconds(seconds: number | null, language: string): string | null {
  if (seconds === null || !Number.isFinite(seconds) || seconds < 0) {
    return null;
  }
  const tenths = Math.round(seconds * 10) / 10;
  const digits = tenths < 10 ? 1 : 0;
  const number = new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${number.format(digits === 1 ? tenths : Math.round(seconds))} s`;
}

/** `1 204`: thousands apart, as the language writes them. */
export function formatCount(count: number, language: string): string {
  return new Intl.NumberFormat(language).format(count);
}

/** A length of time in hours and minutes; `minutes` is below 60. */
export interface Elapsed {
  hours: number;
  minutes: number;
}

/** Time from `since_ms` to `now_ms`, both Unix milliseconds; never negative, for clocks differ. */
export function elapsed(since_ms: number, now_ms: number): Elapsed {
  const minutes = Math.max(0, Math.floor((now_ms - since_ms) / 60_000));
  return { hours: Math.floor(minutes / 60), minutes: minutes % 60 };
}

/** `3.2 Mb/s`: bits per second as people compare lines. */
export function formatBitrate(bitrate_bps: number, language: string): string {
  const digits = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
  return `${new Intl.NumberFormat(language, digits).format(bitrate_bps / 1_000_000)} Mb/s`;
}

/** `1:02:07` or `4:09`: a length of time to the second, as clocks show it. */
export function formatDuration(length_ms: number): string {
  const seconds = Math.max(0, Math.floor(length_ms / 1_000));
  const two = (value: number): string => String(value).padStart(2, '0');
  const minutes = Math.floor(seconds / 60) % 60;
  const hours = Math.floor(seconds / 3_600);
  return hours === 0 ? `${minutes}:${two(seconds % 60)}` : `${hours}:${two(minutes)}:${two(seconds % 60)}`;
}

/** `4.1 MB`: decimal units, one digit behind the point below ten. */
export function formatBytes(bytes: number, language: string): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let [value, unit] = [Math.max(0, bytes), 0];
  while (value >= 999.5 && unit < units.length - 1) {
    [value, unit] = [value / 1_000, unit + 1];
  }
  const digits = unit > 0 && value < 9.95 ? 1 : 0;
  const number = new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${number.format(value)} ${units[unit]}`;
}

/** `18:52`, in the viewer's zone; `dated` with the day before it. */
export function formatClock(at_ms: number, language: string, dated = false): string {
  const day = dated ? ({ day: 'numeric', month: 'short' } as const) : {};
  return new Intl.DateTimeFormat(language, { ...day, hour: '2-digit', minute: '2-digit' }).format(at_ms);
}

/** What stands in a round avatar: the first character of a name, as one code point. */
export function initial(name: string): string {
  return (Array.from(name.trim())[0] ?? '?').toUpperCase();
}

const AVATAR_CLASSES = ['', 'b', 'c', 'd', 'e', 'f'] as const;

/** The avatar colour of a member: always the same for the same id. */
export function avatarClass(id: string): string {
  let hash = 0;
  for (const character of id) {
    hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
  }
  return AVATAR_CLASSES[hash % AVATAR_CLASSES.length] ?? '';
}
