// What is asked of the browser's recorder, and what is done when the network cannot carry it.

/** What the origin takes, the most widely played first: H.264, then AV1; MP4 alone. */
const MIME_TYPES = {
  video: [
    'video/mp4;codecs=avc1.42E01E,opus',
    'video/mp4;codecs=avc1.42E01E,mp4a.40.2',
    'video/mp4;codecs=avc1,opus',
    'video/mp4;codecs=av01,opus',
  ],
  silent: ['video/mp4;codecs=avc1.42E01E', 'video/mp4;codecs=avc1', 'video/mp4;codecs=av01'],
  sound: ['audio/mp4;codecs=opus', 'audio/mp4;codecs=mp4a.40.2'],
} as const;

/** Which kinds of track a recording has. */
export interface Tracks {
  video: boolean;
  audio: boolean;
}

/** The recording format for these tracks, or `null` where this browser makes none that the origin takes. */
export function chooseMimeType(tracks: Tracks, isSupported: (type: string) => boolean): string | null {
  const kind = tracks.video ? (tracks.audio ? 'video' : 'silent') : 'sound';
  return MIME_TYPES[kind].find(isSupported) ?? null;
}

/** What a recorder can be told beyond TypeScript's list: Chromium's distance between keyframes. */
export interface RecorderOptions extends MediaRecorderOptions {
  videoKeyFrameIntervalDuration?: number;
}

/** Chromium hands out MP4 from keyframe to keyframe, so this is also how late a picture leaves. Milliseconds. */
const KEYFRAMES_MS = 1_000;
const AUDIO_BPS = 128_000;

/** The options of a recorder. */
export function recorderOptions(mimeType: string, video_bps: number): RecorderOptions {
  return {
    mimeType,
    videoBitsPerSecond: video_bps,
    audioBitsPerSecond: AUDIO_BPS,
    videoKeyFrameIntervalDuration: KEYFRAMES_MS,
  };
}

/** Bits of video a second, best first. */
export const BITRATES_BPS = [4_000_000, 2_500_000, 1_500_000, 800_000, 400_000] as const;
export const BITRATE_DEFAULT_BPS = 2_500_000;

/** More than this much media waiting to be sent: the bitrate is lowered. Seconds. */
const WAITING_LOWER_S = 2.5;
/** More than this much: what waits is given up with its connection. Seconds. */
const WAITING_DROP_S = 8;
/** Between two changes, for the first to take effect. Milliseconds. */
const SETTLE_MS = 6_000;
/** So long without a queue before more is tried again. Milliseconds. */
const CLEAR_MS = 60_000;

/** Of what leaves this computer, how much the next bitrate may need: the rest works off the queue. */
const USED_SHARE = 0.9;
/** No recording counts as less than this, so that a still picture does not make a short queue look long. */
const RECORDED_MIN_BPS = 100_000;

/** What was measured over the last seconds, bits a second with the sound. */
export interface Flow {
  /** What the recorder made: a still picture needs less than it may have. */
  recorded_bps: number;
  /** What left this computer. */
  left_bps: number;
}

/** What the sender should do. */
export type Advice = { do: 'nothing' } | { do: 'record'; video_bps: number } | { do: 'drop'; video_bps: number };

/** Follows the network: lowers the bitrate when media queues up, and tries more after a clear minute. */
export class NetworkPace {
  /** Bits of video a second now. */
  video_bps: number;
  readonly #wanted_bps: number;
  #changed_ms: number;
  #clearSince_ms: number;

  constructor(wanted_bps: number, now_ms: number) {
    this.video_bps = wanted_bps;
    this.#wanted_bps = wanted_bps;
    this.#changed_ms = now_ms;
    this.#clearSince_ms = now_ms;
  }

  /** Whether less is sent than was asked for. */
  get lowered(): boolean {
    return this.video_bps < this.#wanted_bps;
  }

  /** Takes how many bytes wait to be sent, and what flows; `null` before it is known. */
  look(now_ms: number, waiting_bytes: number, flow: Flow | null): Advice {
    const allowed_bps = this.video_bps + AUDIO_BPS;
    // What left was recorded before: a recorder that pauses does not make the queue longer.
    const flowing_bps = flow === null ? allowed_bps : Math.max(flow.recorded_bps, flow.left_bps);
    const waiting_s = (waiting_bytes * 8) / Math.min(allowed_bps, Math.max(RECORDED_MIN_BPS, flowing_bps));
    if (waiting_s >= WAITING_DROP_S) {
      return { do: 'drop', video_bps: this.#change(now_ms, this.#lower(flow)) };
    }
    if (waiting_s >= WAITING_LOWER_S) {
      this.#clearSince_ms = now_ms;
      const lower = this.#lower(flow);
      if (now_ms - this.#changed_ms >= SETTLE_MS && lower < this.video_bps) {
        return { do: 'record', video_bps: this.#change(now_ms, lower) };
      }
    } else if (this.lowered && now_ms - this.#clearSince_ms >= CLEAR_MS) {
      return { do: 'record', video_bps: this.#change(now_ms, Math.min(this.#next(-1), this.#wanted_bps)) };
    }
    return { do: 'nothing' };
  }

  #change(now_ms: number, video_bps: number): number {
    this.#changed_ms = now_ms;
    this.#clearSince_ms = now_ms;
    this.video_bps = video_bps;
    return video_bps;
  }

  /** The next lower bitrate, or the one below it that the network carries. */
  #lower(flow: Flow | null): number {
    const next = this.#next(1);
    const carried_bps = flow === null ? next : flow.left_bps * USED_SHARE - AUDIO_BPS;
    const lowest = BITRATES_BPS[BITRATES_BPS.length - 1] ?? next;
    return BITRATES_BPS.find((bps) => bps <= next && bps <= carried_bps) ?? Math.min(next, lowest);
  }

  /** The bitrate `steps` below in the list. */
  #next(steps: number): number {
    const at = BITRATES_BPS.findIndex((bps) => bps <= this.video_bps);
    const index = Math.min(BITRATES_BPS.length - 1, Math.max(0, (at < 0 ? BITRATES_BPS.length - 1 : at) + steps));
    return BITRATES_BPS[index] ?? this.video_bps;
  }
}
