import { backoffMs } from '$lib/chat/backoff';
import { admit, admitSession, ingestUrl, Link, type Refusal } from './link';
import { chooseMimeType, type Flow, NetworkPace, recorderOptions } from './recording';

/** How often the connection is looked at. Milliseconds. */
const LOOK_MS = 500;
/** How often a recorder hands out what it has. Milliseconds. */
const SLICE_MS = 250;
/** Longest wait between two attempts: several fit in the 20 s after which viewers are told. Milliseconds. */
const RETRY_MAX_MS = 4_000;
/** Time over which the bitrate is averaged. Milliseconds. */
const RATE_OVER_MS = 4_000;
/** Less than this says nothing: recorders hand out pieces of a second. Milliseconds. */
const RATE_MIN_MS = 2_000;

/** `failed` and `ended` stay until the next start. */
export type BroadcastStatus = 'idle' | 'connecting' | 'live' | 'reconnecting' | 'ended' | 'failed';

/** Why a broadcast failed. `sources`: nothing is left to record. `signed_out`: it had no key, and its session has ended. */
export type Failure = Refusal | 'key' | 'signed_out' | 'room' | 'no_answer' | 'format' | 'recorder' | 'sources';

/** One broadcast out of this browser: a recorder whose pieces go over a connection that comes back by itself. */
export class BrowserBroadcast {
  status = $state<BroadcastStatus>('idle');
  failure = $state<Failure | null>(null);
  /** What the origin said about it. */
  words = $state('');
  /** When it went live first, Unix milliseconds. */
  liveSince_ms = $state<number | null>(null);
  /** Bits that left this computer a second, over the last seconds. */
  rate_bps = $state(0);
  /** Times that media was lost to a broken or slow connection. */
  interruptions = $state(0);
  /** Bits of video a second that are recorded now. */
  video_bps = $state(0);
  /** Less than what was asked for, since the network carries no more. */
  lowered = $state(false);

  readonly #room: string;
  #key = '';
  #stream: MediaStream | null = null;
  #pace = new NetworkPace(0, 0);
  #link: Link | null = null;
  #recorder: MediaRecorder | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #look: ReturnType<typeof setInterval> | undefined;
  #attempt = 0;
  #rates: { at_ms: number; recorded_bytes: number; left_bytes: number }[] = [];

  constructor(room: string) {
    this.#room = room;
  }

  /** Whether it runs, or tries to. */
  get running(): boolean {
    return this.status === 'connecting' || this.status === 'live' || this.status === 'reconnecting';
  }

  /** Goes live with `stream`. The key stays in this object until the broadcast ends; without one the session counts. */
  start(stream: MediaStream, key: string, video_bps: number): void {
    if (this.running) {
      return;
    }
    this.failure = null;
    this.words = '';
    this.liveSince_ms = null;
    this.interruptions = 0;
    this.#attempt = 0;
    if (formatOf(liveTracks(stream)) === null) {
      this.#fail('format');
      return;
    }
    this.#stream = stream;
    for (const track of stream.getTracks()) {
      track.addEventListener('ended', () => this.#ended(stream));
    }
    this.#key = key;
    this.#pace = new NetworkPace(video_bps, Date.now());
    this.#notePace();
    this.status = 'connecting';
    this.#look = setInterval(() => this.#lookAround(), LOOK_MS);
    void this.#connect();
  }

  /** Ends it in an orderly way: what was recorded still goes out. */
  end(): void {
    if (!this.running) {
      return;
    }
    this.status = 'ended';
    const link = this.#link;
    this.#link = null;
    const recorder = this.#recorder;
    this.#recorder = null;
    this.#forget();
    if (recorder && recorder.state !== 'inactive') {
      recorder.ondataavailable = (event) => link?.send(event.data);
      recorder.onstop = () => link?.finish();
      recorder.stop();
    } else {
      link?.finish();
    }
  }

  async #connect(): Promise<void> {
    const key = this.#key;
    const admission = await (key === '' ? admitSession(this.#room) : admit(this.#room, key));
    if (!this.running) {
      return;
    }
    if (admission.kind === 'refused' && admission.status !== 429 && admission.status !== 503) {
      this.#fail(admission.status === 404 ? 'room' : key === '' ? 'signed_out' : 'key');
    } else if (admission.kind === 'admitted') {
      this.#link = new Link(ingestUrl(location, this.#room), {
        opened: () => this.#opened(),
        closed: (refusal, words) => this.#lost(refusal, words),
      });
    } else if (this.liveSince_ms === null) {
      this.#fail('no_answer');
    } else {
      this.#tryLater();
    }
  }

  #opened(): void {
    this.#rates = [];
    this.#record();
  }

  /** Begins a recording of its own: each connection needs the head of the file. */
  #record(): void {
    const stream = this.#stream;
    const link = this.#link;
    if (!stream || !link) {
      return;
    }
    const tracks = liveTracks(stream);
    const mimeType = formatOf(tracks);
    if (mimeType === null) {
      link.finish();
      this.#link = null;
      this.#fail(tracks.length === 0 ? 'sources' : 'format');
      return;
    }
    let recorder: MediaRecorder;
    try {
      // One that ended would keep the recorder waiting for its next piece.
      const whole = tracks.length === stream.getTracks().length;
      const recorded = whole ? stream : new MediaStream(tracks);
      recorder = new MediaRecorder(recorded, recorderOptions(mimeType, this.#pace.video_bps));
      recorder.ondataavailable = (event) => this.#recorded(recorder, link, event.data);
      recorder.onstop = () => this.#stopped(recorder);
      recorder.onerror = () => this.#stopped(recorder);
      recorder.start(SLICE_MS);
    } catch {
      this.#fail('recorder');
      return;
    }
    this.#recorder = recorder;
  }

  #recorded(recorder: MediaRecorder, link: Link, data: Blob): void {
    if (recorder !== this.#recorder || link !== this.#link || data.size === 0) {
      return;
    }
    link.send(data);
    if (this.status !== 'live') {
      this.status = 'live';
      this.liveSince_ms ??= Date.now();
      this.#attempt = 0;
    }
  }

  /** The recorder ended by itself: a track went away, or its format changed. */
  #stopped(recorder: MediaRecorder): void {
    if (recorder !== this.#recorder) {
      return;
    }
    this.#dropRecorder();
    this.#record();
  }

  /** A camera was unplugged, or a screen is no longer shared: what is left goes on. */
  #ended(stream: MediaStream): void {
    if (stream === this.#stream) {
      this.#recordAgain();
    }
  }

  /** Another recorder on the same connection, with what the pace asks for now. */
  #recordAgain(): void {
    const old = this.#recorder;
    const link = this.#link;
    if (!old || !link || old.state === 'inactive') {
      return;
    }
    // What the old one still holds goes first, its end after that.
    old.onstop = () => {
      if (old === this.#recorder) {
        this.#recorder = null;
        this.#record();
      }
    };
    old.stop();
  }

  #lookAround(): void {
    const link = this.#link;
    if (!link || this.status !== 'live') {
      return;
    }
    const now_ms = Date.now();
    const waiting_bytes = link.waiting_bytes;
    const flow = this.#measure(now_ms, link.sent_bytes, link.sent_bytes - waiting_bytes);
    const advice = this.#pace.look(now_ms, waiting_bytes, flow);
    if (advice.do === 'nothing') {
      return;
    }
    this.#notePace();
    if (advice.do === 'record') {
      this.#recordAgain();
    } else {
      this.#link = null;
      link.giveUp();
      this.#interrupted();
      void this.#connect();
    }
  }

  /** What flowed over the last seconds; `null` while they are too few. */
  #measure(now_ms: number, recorded_bytes: number, left_bytes: number): Flow | null {
    this.#rates.push({ at_ms: now_ms, recorded_bytes, left_bytes });
    while (this.#rates.length > 2 && now_ms - (this.#rates[0]?.at_ms ?? now_ms) > RATE_OVER_MS) {
      this.#rates.shift();
    }
    const first = this.#rates[0];
    if (!first || now_ms <= first.at_ms) {
      return null;
    }
    const perSecond = (bytes: number): number => Math.max(0, (bytes * 8_000) / (now_ms - first.at_ms));
    this.rate_bps = perSecond(left_bytes - first.left_bytes);
    const recorded_bps = perSecond(recorded_bytes - first.recorded_bytes);
    return now_ms - first.at_ms < RATE_MIN_MS ? null : { recorded_bps, left_bps: this.rate_bps };
  }

  #notePace(): void {
    this.video_bps = this.#pace.video_bps;
    this.lowered = this.#pace.lowered;
  }

  #lost(refusal: Refusal | null, words: string): void {
    this.#link = null;
    this.words = words;
    if (refusal !== null) {
      this.#fail(refusal);
      return;
    }
    this.#interrupted();
    this.#tryLater();
  }

  #interrupted(): void {
    this.#dropRecorder();
    this.rate_bps = 0;
    if (this.liveSince_ms !== null) {
      this.interruptions += this.status === 'live' ? 1 : 0;
      this.status = 'reconnecting';
    }
  }

  #tryLater(): void {
    const wait_ms = Math.min(RETRY_MAX_MS, backoffMs(this.#attempt, Math.random()));
    this.#attempt += 1;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.#connect(), wait_ms);
  }

  #fail(failure: Failure): void {
    this.status = 'failed';
    this.failure = failure;
    this.#link?.giveUp();
    this.#link = null;
    this.#dropRecorder();
    this.#forget();
  }

  #dropRecorder(): void {
    const recorder = this.#recorder;
    this.#recorder = null;
    if (recorder && recorder.state !== 'inactive') {
      recorder.stop();
    }
  }

  /** The key is not kept longer than it is needed. */
  #forget(): void {
    this.#key = '';
    this.#stream = null;
    this.rate_bps = 0;
    clearTimeout(this.#retry);
    clearInterval(this.#look);
  }
}

function liveTracks(stream: MediaStream): MediaStreamTrack[] {
  return stream.getTracks().filter((track) => track.readyState === 'live');
}

/** The recording format for these tracks; `null` where there is none. */
function formatOf(tracks: MediaStreamTrack[]): string | null {
  const has = (kind: string): boolean => tracks.some((track) => track.kind === kind);
  const kinds = { video: has('video'), audio: has('audio') };
  return tracks.length === 0 ? null : chooseMimeType(kinds, (type) => MediaRecorder.isTypeSupported(type));
}
