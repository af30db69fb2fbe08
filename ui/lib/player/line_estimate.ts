/**
 * What a line carries, told by how long the parts of a live stream took to load.
 *
 * A live player has a second of media in front of it and loads a few small parts a second. So it has to believe in a
 * narrower line after two of them. A wide line it hardly sees: a small part is loaded in the time that a page
 * needs to look at it, and a busy page makes any line look narrow. So the best of the latest samples counts upwards, and
 * a rise that had to be taken back makes the next one wait longer.
 *
 * It stands where hls.js has its own estimate, which weighs samples by how long they took: at a wide line's pace that
 * is next to nothing.
 */
export class LineEstimate {
  /** Taken before anything was measured, bits per second. */
  defaultEstimate: number;
  /** Bits per second, the newest last; at most `SAMPLES_MAX`. */
  #samples: number[] = [];
  #firstByteMs: number[] = [];
  #level: LevelRate = { average: 0, peak: 0 };
  /** Samples since the rendition changed. */
  #since = 0;
  /** How many of them there must be before a rise. */
  #wait = 0;
  /** The latest change was upwards. */
  #rose = false;
  /** Rises in a row that had to be taken back. */
  #failures = 0;

  constructor(defaultEstimate: number) {
    this.defaultEstimate = defaultEstimate;
  }

  /** So many bytes took so long, milliseconds. */
  measure(durationMs: number, bytes: number): void {
    if (bytes > 0) {
      keep(this.#samples, (bytes * 8000) / Math.max(durationMs, DURATION_MIN_MS), SAMPLES_MAX);
      this.#since += 1;
      if (this.#rose && this.#since > LASTING) {
        this.#failures = 0;
      }
    }
  }

  /** So long an answer took to begin, milliseconds. */
  sampleTTFB(durationMs: number): void {
    keep(this.#firstByteMs, durationMs, FIRST_BYTES_MAX);
  }

  /** What is loaded from now on. */
  changeLevel(to: LevelRate): void {
    const from = this.#level;
    this.#level = to;
    if (from.average === 0 || from.average === to.average) {
      return;
    }
    if (to.average < from.average) {
      this.#failures = this.#rose && this.#since < FAILED ? Math.min(this.#failures + 1, FAILURES_MAX) : this.#failures;
      this.#wait = RISE_AFTER * 2 ** this.#failures;
      // What the line carried before it got narrow says nothing of now.
      this.#samples = this.#samples.slice(-RECENT);
    }
    this.#rose = to.average > from.average;
    this.#since = 0;
  }

  /** Something was so slow that hls.js gave it up: all that was measured before is void. */
  forget(estimate: number): void {
    this.defaultEstimate = estimate;
    this.#samples = [];
  }

  canEstimate(): boolean {
    return this.#samples.length > 0;
  }

  /** Bits per second. */
  getEstimate(): number {
    if (this.#samples.length === 0) {
      return this.defaultEstimate;
    }
    // As much as the present rendition needs: it stays, also while hls.js takes it for a rise.
    const enough = Math.max(this.#level.peak, this.#level.average) / RISE + 1;
    // Those of another rendition have parts of another size.
    const fresh = Math.min(this.#since, RECENT);
    if (fresh < FRESH_MIN) {
      return enough;
    }
    const recent = median(this.#samples.slice(-fresh));
    if (recent * STAY < this.#level.average) {
      return recent;
    }
    return this.#since < this.#wait ? enough : Math.max(enough, ...this.#samples);
  }

  /** Milliseconds. */
  getEstimateTTFB(): number {
    return this.#firstByteMs.length > 0 ? median(this.#firstByteMs) : FIRST_BYTE_MS;
  }

  /** What hls.js measures: of several parts that it loads in a row it tells one, when all are buffered. */
  sample(): void {}

  /** Half-lives of the estimate that this one stands for. */
  update(): void {}

  destroy(): void {}
}

/** What a rendition takes, bits per second. */
export interface LevelRate {
  average: number;
  peak: number;
}

function keep(values: number[], value: number, most: number): void {
  values.push(value);
  if (values.length > most) {
    values.shift();
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** A clock that stands still measures no line. Milliseconds. */
const DURATION_MIN_MS = 1;
/** Samples that count upwards: about seven seconds of parts. */
const SAMPLES_MAX = 20;
/** Samples whose median counts downwards: two parts that were late, of a second of media. */
const RECENT = 3;
/** A rendition has been loaded from for so many samples before it is judged. */
const FRESH_MIN = 3;
/** hls.js keeps a rendition that takes this share of the line (`abrBandWidthFactor`), and rises to one that takes this
 * (`abrBandWidthUpFactor`). */
const STAY = 0.95;
const RISE = 0.7;
/** Samples between a fall and the next rise, doubled by every rise that failed. */
const RISE_AFTER = 20;
const FAILURES_MAX = 4;
/** A fall within so many samples of a rise takes it back. */
const FAILED = 45;
/** After so many samples without a change the line is taken for steady. */
const LASTING = 180;
const FIRST_BYTES_MAX = 9;
/** Before anything was answered. Milliseconds. */
const FIRST_BYTE_MS = 100;
