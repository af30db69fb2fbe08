// What was sent over the last minutes, for the graph in the status strip.

/** Five minutes, as views come once a second. */
const SAMPLES_MAX = 300;

/** The rates of one broadcast, oldest first. */
export class History {
  readonly rates: readonly number[];

  constructor(rates: readonly number[] = []) {
    this.rates = rates;
  }

  /** With one more; `null` is the end of the broadcast. */
  with(rate_bps: number | null): History {
    if (rate_bps === null) {
      return this.rates.length === 0 ? this : new History();
    }
    return new History([...this.rates, rate_bps].slice(-SAMPLES_MAX));
  }

  /** A line through a box of `width` by `height`, the newest rate at the right edge; empty before there are two. */
  line(width: number, height: number): string {
    if (this.rates.length < 2) {
      return '';
    }
    const most = Math.max(...this.rates, 1);
    const step = width / (SAMPLES_MAX - 1);
    const left = width - step * (this.rates.length - 1);
    const point = (rate: number, at: number): string =>
      `${(left + at * step).toFixed(1)} ${(height - (rate / most) * (height - 2) - 1).toFixed(1)}`;
    return `M${this.rates.map(point).join('L')}`;
  }
}
