import type Hls from 'hls.js';
import { LineEstimate } from './line_estimate';
import { endsSegment } from './segment_end';

type Abr = typeof Hls.DefaultConfig.abrController;

/**
 * hls.js' own choice of renditions, by an estimate of the line that suits parts, and followed where a segment ends.
 * `base` is hls.js' class for it.
 */
export function liveAbr(base: Abr): Abr {
  return class LiveAbr extends base {
    #line: LineEstimate;
    #measured: unknown = null;
    /** What was loaded last of the picture; `null` for a whole segment. */
    #part: Parameters<typeof endsSegment>[0] = null;
    /** hls.js leaves a rendition at once: it fails, or a part does not come. */
    #leaves = false;

    constructor(hls: Hls) {
      super(hls);
      this.#line = new LineEstimate(hls.config.abrEwmaDefaultEstimate);
      this.#install();
    }

    override get nextAutoLevel(): number {
      const next = super.nextAutoLevel;
      const { loadLevel, levels } = this.hls ?? { loadLevel: -1, levels: [] };
      const level = levels[loadLevel];
      return this.#leaves || !level || endsSegment(this.#part, level.details) ? next : loadLevel;
    }

    override set nextAutoLevel(level: number) {
      super.nextAutoLevel = level;
      this.#leaves = level !== this.hls.loadLevel;
    }

    override resetEstimator(estimate?: number): void {
      super.resetEstimator(estimate);
      this.#line.forget(estimate ?? this.#line.defaultEstimate);
      this.#install();
    }

    protected override onLevelSwitching(...[event, data]: Parameters<InstanceType<Abr>['onLevelSwitching']>): void {
      super.onLevelSwitching(event, data);
      this.#leaves = false;
      this.#part = null;
      const level = this.hls.levels[data.level];
      if (level) {
        this.#line.changeLevel({ average: level.averageBitrate, peak: level.maxBitrate });
      }
    }

    protected override onFragLoaded(...[event, data]: Parameters<InstanceType<Abr>['onFragLoaded']>): void {
      super.onFragLoaded(event, data);
      const { frag, part } = data;
      const stats = (part ?? frag).stats;
      if (frag.type !== 'main' || frag.sn === 'initSegment' || stats.aborted || stats === this.#measured) {
        return;
      }
      this.#part = part;
      this.#measured = stats;
      const { start, first, end } = stats.loading;
      this.#line.measure(end - start - Math.min(first - start, this.#line.getEstimateTTFB()), stats.loaded);
    }

    // The class that it stands for has private fields, so no other type fits by its shape.
    #install(): void {
      this.bwEstimator = this.#line as unknown as InstanceType<Abr>['bwEstimator'];
    }
  };
}
