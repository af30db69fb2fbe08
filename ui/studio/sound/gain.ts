import { decibels } from '../time';

/** `+2.0`, `0.0` or `−6.0`: a change of level, given in tenths of a dB. */
export function gainText(tenths_db: number): string {
  return `${tenths_db > 0 ? '+' : ''}${decibels(tenths_db / 10)}`;
}
