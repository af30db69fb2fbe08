/** How long a message stands at the top or bottom. Milliseconds. */
export const STAND_MS = 4_000;
/** Room between two messages in one lane. Pixels. */
const GAP_PX = 24;

/** A message in flight, as far as those behind it care. */
interface Flight {
  since_ms: number;
  width: number;
}

/** Where a message goes: `null` when there is no room, and then it only stands in the chat. */
export type Place = { lane: number } | null;

/**
 * Lanes over a picture. Each message crosses in the same time, so a longer one is faster: it may begin only when it
 * will not catch up with the one before. What finds no lane does not fly, so the picture is never covered twice.
 */
export class Lanes {
  readonly #scroll: (Flight | null)[];
  readonly #top: number[];
  readonly #bottom: number[];

  /** `lanes` for flying messages, and a third of them (at least one) at the top and at the bottom. */
  constructor(
    lanes: number,
    readonly width: number,
    /** How long a message takes across the picture. Milliseconds. */
    readonly flight_ms: number,
  ) {
    const standing = Math.max(1, Math.floor(lanes / 3));
    this.#scroll = new Array<Flight | null>(Math.max(1, lanes)).fill(null);
    this.#top = new Array<number>(standing).fill(Number.NEGATIVE_INFINITY);
    this.#bottom = new Array<number>(standing).fill(Number.NEGATIVE_INFINITY);
  }

  /** A lane for a message `width` pixels wide that begins at `now`. */
  fly(width: number, now: number): Place {
    const lane = this.#scroll.findIndex((last) => last === null || this.#follows(last, width, now));
    if (lane < 0) {
      return null;
    }
    this.#scroll[lane] = { since_ms: now, width };
    return { lane };
  }

  /** A line at the top or bottom for a message that begins at `now`; 0 is the outermost. */
  stand(where: 'top' | 'bottom', now: number): Place {
    const lines = where === 'top' ? this.#top : this.#bottom;
    const lane = lines.findIndex((until) => until <= now);
    if (lane < 0) {
      return null;
    }
    lines[lane] = now + STAND_MS;
    return { lane };
  }

  #follows(last: Flight, width: number, now: number): boolean {
    const speed = (this.width + last.width) / this.flight_ms;
    const isIn = now >= last.since_ms + (last.width + GAP_PX) / speed;
    // Its head reaches the far side no earlier than the tail before it has left.
    const head_ms = now + (this.width / (this.width + width)) * this.flight_ms;
    return isIn && head_ms >= last.since_ms + this.flight_ms;
  }
}
