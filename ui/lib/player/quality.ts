// Which renditions a viewer can choose from, and which one a wish stands for.

/** What a player tells of one of its levels. */
export interface Level {
  /** Pixels; 0 where it is not told. */
  width: number;
  height: number;
  /** Bits per second at most. */
  bitrate: number;
  /** Pictures per second; 0 where it is not told. */
  frameRate: number;
}

/** A rendition that can be chosen. */
export interface Quality {
  /** Its place among the player's levels. */
  level: number;
  /** The shorter side of its picture, by which people name it. Pixels. */
  side: number;
  /** `720p`, `720p60`. */
  name: string;
  /** Bits per second at most. */
  bitrate: number;
}

/** What the viewer wants: the player's own choice, no picture, or one of such a shorter side in pixels. */
export type Wish = 'auto' | 'sound' | number;

/** From this frame rate on it is part of the name. */
const FAST_FPS = 45;

/** The levels with a picture, best first. */
export function qualities(levels: readonly Level[]): Quality[] {
  const pictures = levels.map((level, at) => {
    const side = Math.min(level.width, level.height);
    const fast = level.frameRate >= FAST_FPS ? Math.round(level.frameRate) : '';
    return { level: at, side, name: `${side}p${fast}`, bitrate: level.bitrate };
  });
  return pictures.filter(({ side }) => side > 0).sort((a, b) => b.side - a.side || b.bitrate - a.bitrate);
}

/** The level for a wish: the best that is not larger, else the smallest; -1 lets the player choose. */
export function levelFor(wish: Wish, among: readonly Quality[]): number {
  if (typeof wish === 'string' || among.length < 2) {
    return -1;
  }
  return (among.find(({ side }) => side <= wish) ?? among[among.length - 1])?.level ?? -1;
}

/** A stored wish; anything else is the player's own choice. */
export function readWish(stored: string | null): Wish {
  if (stored === 'sound') {
    return stored;
  }
  const side = Number(stored);
  return Number.isInteger(side) && side > 0 && side <= SIDE_MAX ? side : 'auto';
}
/** No codec here has larger pictures. Pixels. */
const SIDE_MAX = 16_384;
