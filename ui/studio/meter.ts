// How a level meter moves, and what it says in words. Time is given, in milliseconds.

/** The meter's left end, dB relative to full scale. */
export const FLOOR_DB = -60;
/** How fast the pale bar falls, dB a second. */
const FALL_DB_PER_S = 20;
/** How long the line of the highest peak stays. Milliseconds. */
const HOLD_MS = 1_500;
/** Speech is judged over the last one to two of these; shorter would follow single words. Milliseconds. */
const SPEECH_MS = 3_000;
/** Below this for SILENT_AFTER_MS nothing is plugged in, or the wrong device is chosen. dB. */
const SILENT_DB = -55;
const SILENT_AFTER_MS = 20_000;
/** Speech that never passes this is hard to follow. Peak, dB. */
const QUIET_DB = -30;
/** Peaks above this are about to be cut off. dB. */
const LOUD_DB = -3;

export type Word = 'good' | 'quiet' | 'loud' | 'silent';

/** What the meter shows. All dB relative to full scale. */
export interface Reading {
  rms: number;
  peak: number;
  hold: number;
  word: Word;
}

/** A position on the scale, 0 to 100 %. */
export function percent(db: number): number {
  return Math.min(100, Math.max(0, ((db - FLOOR_DB) / -FLOOR_DB) * 100));
}

/** Turns levels into what a meter shows. */
export class Meter {
  #peak = FLOOR_DB;
  #hold = FLOOR_DB;
  #heldAt = 0;
  #at: number | null = null;
  #highest = FLOOR_DB;
  #highestBefore = FLOOR_DB;
  #countedFrom = 0;
  #heardAt: number | null = null;

  /** Takes the level measured at `now_ms`; `now_ms` does not fall. */
  take(now_ms: number, rms: number, peak: number): Reading {
    const fallen = this.#at === null ? FLOOR_DB : this.#peak - ((now_ms - this.#at) / 1_000) * FALL_DB_PER_S;
    this.#at = now_ms;
    this.#peak = Math.max(FLOOR_DB, peak, fallen);
    if (peak >= this.#hold || now_ms - this.#heldAt > HOLD_MS) {
      this.#hold = Math.max(FLOOR_DB, peak);
      this.#heldAt = now_ms;
    }
    if (now_ms - this.#countedFrom >= SPEECH_MS) {
      this.#highestBefore = this.#highest;
      this.#highest = FLOOR_DB;
      this.#countedFrom = now_ms;
    }
    this.#highest = Math.max(this.#highest, peak);
    if (this.#heardAt === null || peak > SILENT_DB) {
      this.#heardAt = now_ms;
    }
    return { rms: Math.max(FLOOR_DB, rms), peak: this.#peak, hold: this.#hold, word: this.#word(now_ms) };
  }

  #word(now_ms: number): Word {
    if (this.#heardAt !== null && now_ms - this.#heardAt >= SILENT_AFTER_MS) {
      return 'silent';
    }
    const highest = Math.max(this.#highest, this.#highestBefore);
    if (highest > LOUD_DB) {
      return 'loud';
    }
    return highest < QUIET_DB ? 'quiet' : 'good';
  }
}
