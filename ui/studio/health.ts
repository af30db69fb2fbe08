import type { View } from './bindings';
import { t } from './words';

/** One frame in a hundred is what people begin to see. */
const DROPPED_MAX_PERCENT = 1;

/** Of all frames, those that viewers did not get. Percent. */
export function droppedShare(view: View): number {
  const stats = view.live.stats;
  const total = stats ? stats.frames + stats.droppedFrames : 0;
  return stats && total > 0 ? (stats.droppedFrames / total) * 100 : 0;
}

/** How a broadcast on air does, in one word. */
export function health(view: View): 'weak' | 'dropping' | 'good' {
  if (view.live.stats?.weak) {
    return 'weak';
  }
  return droppedShare(view) > DROPPED_MAX_PERCENT ? 'dropping' : 'good';
}

/** The same to be read aloud, with the numbers that matter. */
export function healthAloud(view: View): string {
  const phase = view.live.phase;
  if (phase.type === 'reconnecting') {
    return `${t('reconnecting')}. ${t('health.none')}`;
  }
  if (phase.type !== 'live') {
    return t('health.idle');
  }
  const megabits = ((view.live.stats?.bitrateBps ?? 0) / 1_000_000).toFixed(1);
  return t('health.aloud', {
    minutes: t('health.minutes', { count: Math.floor(phase.elapsedMs / 60_000) }),
    word: t(`health.${health(view)}`),
    megabits,
    viewers: t('health.viewers', { count: view.room?.viewers ?? 0 }),
  });
}
