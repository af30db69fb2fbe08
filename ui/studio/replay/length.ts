// How long something is, in words.
import { t } from './words';

/** What *Keep the last* offers, seconds. */
export const LENGTHS: readonly number[] = [15, 30, 60, 120, 300];
/** What *Send later* offers, seconds. */
export const DELAYS: readonly number[] = [5, 10, 15, 20, 30];

export function length(seconds: number): string {
  return seconds > 0 && seconds % 60 === 0 ? t('minutes', { count: seconds / 60 }) : t('seconds', { count: seconds });
}

/** Off, what is offered, and what is set if it is neither; seconds. */
export function choices(offered: readonly number[], set: number): number[] {
  const all = new Set([0, ...offered, set]);
  return [...all].sort((a, b) => a - b);
}
