// What was sent over the last minutes, for the graphs of the status strip.

/** Five minutes of a sample each second. */
export const SAMPLES_MAX = 300;
/** Views come at changes too; what comes sooner is no sample of its own. Milliseconds. */
const APART_MS = 900;

/** What a stretch of a broadcast sent, bits per second. */
export interface Figures {
  now: number;
  least: number;
  most: number;
  mean: number;
}

/** The rates of one broadcast, oldest first. */
export class History {
  readonly rates: readonly number[];
  readonly #last_ms: number;

  constructor(rates: readonly number[] = [], last_ms = Number.NEGATIVE_INFINITY) {
    this.rates = rates;
    this.#last_ms = last_ms;
  }

  /** With one more, of the moment `at_ms`; `null` is the end of the broadcast. */
  with(rate_bps: number | null, at_ms: number): History {
    if (rate_bps === null) {
      return this.rates.length === 0 ? this : new History();
    }
    if (at_ms - this.#last_ms < APART_MS) {
      return this;
    }
    return new History([...this.rates, rate_bps].slice(-SAMPLES_MAX), at_ms);
  }

  /** The last `samples` in numbers; `null` before there is one. */
  figures(samples: number): Figures | null {
    const last = this.rates.slice(-samples);
    const now = last.at(-1);
    if (now === undefined) {
      return null;
    }
    const sum = last.reduce((all, rate) => all + rate, 0);
    return { now, least: Math.min(...last), most: Math.max(...last), mean: sum / last.length };
  }

  /**
   * A line of the last `samples` through a box of `width` by `height`, the newest rate at the right edge; empty before
   * there are two. `top` is the rate at the upper edge, at least the highest one.
   */
  line(width: number, height: number, samples: number, top = 1): string {
    const last = this.rates.slice(-samples);
    if (last.length < 2) {
      return '';
    }
    const most = Math.max(...last, top);
    const step = width / (samples - 1);
    const left = width - step * (last.length - 1);
    const point = (rate: number, at: number): string =>
      `${(left + at * step).toFixed(1)} ${(height - (rate / most) * (height - 2) - 1).toFixed(1)}`;
    return `M${last.map(point).join('L')}`;
  }
}
