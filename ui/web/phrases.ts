// Sentences about a room that several pages show.
import { elapsed, formatCount } from '$lib/format';
import { language } from '$lib/i18n/i18n.svelte';
import type { Room } from '$lib/room/room';
import { t } from './words';

/** `128 watching`. */
export function viewersText(viewers: number): string {
  return t('viewers', { count: viewers, formatted: formatCount(viewers, language()) });
}

/** `live for 42 min`, or `null` when nothing runs. */
export function liveSinceText(room: Room, now_ms: number): string | null {
  if (room.live_since_ms === null || room.state === 'offline') {
    return null;
  }
  const { hours, minutes } = elapsed(room.live_since_ms, now_ms);
  return hours === 0 ? t('live.minutes', { minutes }) : t('live.hours', { hours, minutes });
}
