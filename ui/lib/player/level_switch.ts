import type Hls from 'hls.js';
import { endsSegment } from './segment_end';

/** Turns a player to a level by hand, where its present level's segment ends; what is buffered is still shown. */
export class LevelSwitch {
  #hls: Hls;
  #part: Parameters<typeof endsSegment>[0] = null;
  /** Where to, once the segment ends. */
  #wanted: number | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(hls: Hls, events: typeof Hls.Events) {
    this.#hls = hls;
    hls.on(events.FRAG_LOADED, (_event, { frag, part }) => {
      if (frag.type === 'main' && frag.sn !== 'initSegment') {
        this.#part = part;
        this.#look();
      }
    });
    hls.on(events.MANIFEST_LOADING, () => {
      this.#part = null;
    });
    hls.on(events.LEVEL_UPDATED, () => this.#look());
    hls.on(events.DESTROYING, () => clearTimeout(this.#timer));
  }

  /** -1: hls.js chooses from now on. */
  to(level: number): void {
    clearTimeout(this.#timer);
    this.#wanted = level;
    this.#look();
    if (this.#wanted !== null) {
      // A source that stands still ends no segment.
      this.#timer = setTimeout(() => this.#turn(level), (this.#details?.targetduration ?? 0) * 1_000);
    }
  }

  get #details() {
    return this.#hls.levels[this.#hls.loadLevel]?.details;
  }

  #look(): void {
    if (this.#wanted !== null && (this.#wanted === -1 || endsSegment(this.#part, this.#details))) {
      this.#turn(this.#wanted);
    }
  }

  #turn(level: number): void {
    clearTimeout(this.#timer);
    this.#wanted = null;
    this.#part = null;
    this.#hls.loadLevel = level;
  }
}
