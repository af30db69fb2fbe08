import { formatDuration } from '$lib/format';
import { t } from './room_words';

const DAY_MS = 24 * 60 * 60 * 1_000;
const WEEK_MS = 7 * DAY_MS;

/** `Friday 19:00` within a week, else with the date: in the reader's zone and language. */
export function formatWhen(at_ms: number, now_ms: number, language: string): string {
  const near = at_ms - now_ms < WEEK_MS;
  const day: Intl.DateTimeFormatOptions = near ? { weekday: 'long' } : { day: 'numeric', month: 'short' };
  return new Intl.DateTimeFormat(language, { ...day, hour: 'numeric', minute: '2-digit' }).format(at_ms);
}

/** `in 3 days`, and on the last day `in 05:12:09`. */
export function formatCountdown(at_ms: number, now_ms: number): string {
  const left_ms = Math.max(0, at_ms - now_ms);
  return left_ms >= DAY_MS
    ? t('next.days', { count: Math.floor(left_ms / DAY_MS) })
    : t('next.clock', { clock: formatDuration(left_ms) });
}
