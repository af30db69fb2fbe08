/** How messages fly over the picture, as somebody wants it in this browser. */
export interface DanmakuSettings {
  /** Percent. */
  opacity: number;
  /** Percent of the usual size. */
  size: number;
  /** How much of the picture's height they may fly in: a place in [`AREAS`]. */
  area: number;
  /** How long one takes across the picture. Seconds. */
  seconds: number;
}

/** What can be chosen of each, and in which steps. */
export const RANGES = {
  opacity: { min: 20, max: 100, step: 10 },
  size: { min: 50, max: 150, step: 10 },
  area: { min: 0, max: 3, step: 1 },
  seconds: { min: 4, max: 16, step: 1 },
} as const satisfies Record<keyof DanmakuSettings, { min: number; max: number; step: number }>;

/** Shares of the picture's height, with their words. The last leaves the controls clear. */
export const AREAS = [
  { word: 'third', share: 1 / 3 },
  { word: 'half', share: 1 / 2 },
  { word: 'two_thirds', share: 2 / 3 },
  { word: 'most', share: 0.85 },
] as const;

/** What nobody has changed. */
export const USUAL: Readonly<DanmakuSettings> = { opacity: 80, size: 100, area: 0, seconds: 9 };

const STORAGE_KEY = 'rostrum.danmaku_look';

/** What is kept in this browser, each value brought into its range. */
export function readSettings(): DanmakuSettings {
  let kept: Record<string, unknown> = {};
  try {
    const value: unknown = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? '{}');
    kept = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    // Storage can be refused, and what stands in it be anything.
  }
  const read = (name: keyof DanmakuSettings): number => {
    const { min, max, step } = RANGES[name];
    const value = kept[name];
    const known = typeof value === 'number' && Number.isFinite(value) ? value : USUAL[name];
    return Math.min(max, Math.max(min, min + Math.round((known - min) / step) * step));
  };
  return { opacity: read('opacity'), size: read('size'), area: read('area'), seconds: read('seconds') };
}

/** Keeps them in this browser. */
export function keepSettings(settings: DanmakuSettings): void {
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify(settings));
  } catch {
    // The choice then lasts as long as the page.
  }
}
