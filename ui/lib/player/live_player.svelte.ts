import type Hls from 'hls.js';
import type { ErrorData } from 'hls.js';
import { codecNames } from './codecs';
import { CATCH_UP_RATE, HLS_CONFIG, HTTP_FORBIDDEN, HTTP_UNAVAILABLE, manifestPolicy } from './hls_config';
import { keepWish, keptWish } from './kept_wish';
import { LevelSwitch } from './level_switch';
import { liveAbr } from './live_abr';
import { isBehind, latencySeconds, mayResume, rejoin, SCRAP_S, stretches, unstick } from './measure';
import { playNatively } from './native';
import { levelFor, type Quality, qualities, type Wish } from './quality';

/**
 * `idle`: nothing loaded. `loading`: no picture yet. `buffering`: there was one, the next is late.
 * `unsupported`: this browser cannot play it. `failed`: the media is broken in a way a reload did not cure.
 */
export type PlayerState = 'idle' | 'loading' | 'playing' | 'paused' | 'buffering' | 'unsupported' | 'failed';

/** How often position and latency are looked at, milliseconds. */
const TICK_MS = 250;
/** A lasting network error starts the source again after this. Milliseconds. */
const RELOAD_MS = 1_000;
/** The decoder may be rebuilt this often within `MEDIA_WINDOW_MS`; then the viewer is told. */
const MEDIA_RECOVERIES_MAX = 4;
const MEDIA_WINDOW_MS = 30_000;

/**
 * A `<video>` on a live room: hls.js with the patience a live source needs.
 *
 * One hls.js instance lives from `load` to the next `load` or `unload`; a publisher that drops and comes back
 * does not end it.
 */
export class LivePlayer {
  state = $state<PlayerState>('idle');
  /** Seconds behind the live moment; `null` while it is not known. */
  latency = $state<number | null>(null);
  /** Whether *Go to live* would change something. */
  behind = $state(false);
  muted = $state(false);
  /** 0 to 1. */
  volume = $state(1);
  /** The browser allowed the picture only without sound. */
  soundBlocked = $state(false);
  /** The browser wants a click before anything plays. */
  gestureNeeded = $state(false);
  /** The stream's codecs as people write them, once its playlist is known: `HEVC, AAC`. */
  codecs = $state('');
  /** The stream has a picture, and only its sound can be played here. */
  pictureMissing = $state(false);
  /** The renditions there are, best first. */
  qualities = $state<Quality[]>([]);
  /** The one whose picture is on the screen; `null` while none is, and where there is nothing to choose from. */
  playing = $state<Quality | null>(null);
  /** What the viewer chose, and is in force. */
  wish = $state<Wish>(keptWish());
  /** There is a choice, and the sound without the picture is part of it. */
  soundAlone = $derived.by(() => this.#soundUrl !== '' && this.qualities.length > 1);
  /** The origin has no place for another viewer; it is asked again by itself. */
  full = $state(false);
  /** How many hls.js instances there were. */
  generation = $state(0);
  /** How many errors hls.js called fatal. */
  fatalErrors = $state(0);

  #video: HTMLVideoElement | null = null;
  #hls: Hls | null = null;
  #levelSwitch: LevelSwitch | null = null;
  /** Lets go of what the browser plays without hls.js. */
  #native: (() => void) | null = null;
  #url = '';
  /** The playlist of the sound alone, once it is known. */
  #soundUrl = $state('');
  /** Counts `load` and `unload`, so that a library that arrives late knows it is not wanted any more. */
  #turn = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  #reload: ReturnType<typeof setTimeout> | undefined;
  #hasPlayed = false;
  #pausedByViewer = false;
  /** The viewer paused, and is behind since then by their own wish. */
  #behindByWish = false;
  /** Since when the player is too far behind for hls.js to bring it back; `null` while it is not. */
  #lagsSince: number | null = null;
  #position = 0;
  #movedAt = 0;
  #recoveries: number[] = [];
  /** Ran dry: stands still (rate 0) until there is enough to go on with. */
  #dry = false;
  /** When the first media after running dry came; `null` while there is none. */
  #refillAt: number | null = null;

  /** Takes over a `<video>`; the returned function gives it back. */
  attach(video: HTMLVideoElement): () => void {
    this.#video = video;
    const update = (): void => this.#update();
    const volume = (): void => {
      this.muted = video.muted;
      this.volume = video.volume;
      this.soundBlocked &&= video.muted;
    };
    // hls.js knows no hurry beyond its own reach, and sets the pace back.
    const hurry = (): void => {
      if (this.#lagsSince !== null && video.playbackRate === 1) {
        video.playbackRate = CATCH_UP_RATE;
      }
    };
    const events = ['playing', 'pause', 'waiting', 'seeking', 'seeked', 'canplay', 'emptied'] as const;
    for (const event of events) {
      video.addEventListener(event, update);
    }
    video.addEventListener('volumechange', volume);
    video.addEventListener('ratechange', hurry);
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    return () => {
      for (const event of events) {
        video.removeEventListener(event, update);
      }
      video.removeEventListener('volumechange', volume);
      video.removeEventListener('ratechange', hurry);
      clearInterval(this.#timer);
      this.unload();
      this.#video = null;
    };
  }

  /** Plays `url` from its live edge, with a player made afresh. */
  async load(url: string): Promise<void> {
    this.unload();
    const turn = this.#turn;
    this.#url = url;
    this.state = 'loading';
    // Not the light build: it plays no sound that is a rendition of its own.
    const library = await import('hls.js').catch(() => null);
    const video = this.#video;
    if (turn !== this.#turn || !video) {
      return;
    }
    if (library === null) {
      this.state = 'failed';
      return;
    }
    const Library = library.default;
    if (!Library.isSupported()) {
      this.#native = playNatively(video, url, () => void this.play());
      this.state = this.#native ? this.state : 'unsupported';
      return;
    }
    const hls = new Library({
      ...HLS_CONFIG,
      ...manifestPolicy((status) => this.#refused(status)),
      abrController: liveAbr(Library.DefaultConfig.abrController),
    });
    this.#hls = hls;
    this.#levelSwitch = new LevelSwitch(hls, Library.Events);
    this.generation += 1;
    hls.on(Library.Events.ERROR, (_event, data) => this.#error(Library, data));
    hls.on(Library.Events.LEVEL_LOADED, () => {
      this.full = false;
    });
    let pictured = false;
    // What this browser cannot decode is left out of `levels`; the rendition of sound alone may be what stays.
    const look = (): void => {
      this.pictureMissing = pictured && hls.levels.length > 0 && !hls.levels.some((level) => level.width > 0);
    };
    // hls.js chooses its levels while it handles MANIFEST_LOADED, so either event may come first here.
    hls.on(Library.Events.MANIFEST_LOADED, (_event, data) => {
      this.full = false;
      if (data.url === this.#soundUrl) {
        return;
      }
      pictured = data.levels.some((level) => level.attrs.RESOLUTION !== undefined);
      const sound = data.levels.find((level) => level.attrs.RESOLUTION === undefined);
      this.#soundUrl = pictured && sound ? sound.url : '';
      this.codecs = codecNames(data.levels.map((level) => level.attrs.CODECS ?? ''));
      look();
      this.#soundIfWished(hls);
    });
    hls.on(Library.Events.MANIFEST_PARSED, () => {
      if (hls.url !== this.#soundUrl) {
        this.#offer(hls);
        look();
        this.#soundIfWished(hls);
      }
      void this.play();
    });
    hls.on(Library.Events.LEVELS_UPDATED, () => hls.url !== this.#soundUrl && this.#offer(hls));
    hls.on(Library.Events.LEVEL_SWITCHED, (_event, data) => {
      const pictures = hls.url === this.#soundUrl ? [] : this.qualities;
      this.playing = pictures.find(({ level }) => level === data.level) ?? null;
    });
    hls.loadSource(url);
    hls.attachMedia(video);
  }

  /** Plays what the viewer wants from now on, and remembers it. What is buffered is still shown. */
  choose(wish: Wish): void {
    const sounded = this.wish === 'sound' && this.soundAlone;
    this.wish = wish;
    keepWish(wish);
    const hls = this.#hls;
    if (!hls) {
      return;
    }
    const sounds = wish === 'sound' && this.soundAlone;
    if (sounds !== sounded) {
      this.playing = null;
      hls.loadSource(sounds ? this.#soundUrl : this.#url);
    } else if (!sounds) {
      this.#levelSwitch?.to(levelFor(wish, this.qualities));
    }
  }

  #soundIfWished(hls: Hls): void {
    if (this.wish === 'sound' && this.soundAlone) {
      // Not while hls.js is busy with this very playlist.
      queueMicrotask(() => this.#hls === hls && hls.url !== this.#soundUrl && hls.loadSource(this.#soundUrl));
    }
  }

  #offer(hls: Hls): void {
    this.qualities = qualities(hls.levels);
    const level = levelFor(this.wish, this.qualities);
    if (level !== hls.loadLevel || (level === -1) !== hls.autoLevelEnabled) {
      this.#levelSwitch?.to(level);
    }
  }

  /** Stops and forgets the source; the last picture goes. */
  unload(): void {
    this.#turn += 1;
    clearTimeout(this.#reload);
    this.#reload = undefined;
    this.#hls?.destroy();
    this.#hls = null;
    this.#native?.();
    this.#native = null;
    this.#video?.removeAttribute('src');
    this.#hasPlayed = false;
    this.#pausedByViewer = false;
    this.#behindByWish = false;
    this.#lagsSince = null;
    this.#recoveries = [];
    this.#resume();
    this.codecs = '';
    this.pictureMissing = false;
    this.full = false;
    this.qualities = [];
    this.playing = null;
    this.#soundUrl = '';
    this.state = 'idle';
    this.latency = null;
    this.behind = false;
    this.gestureNeeded = false;
  }

  /** Plays with sound, else without, as the browser allows. */
  async play(): Promise<void> {
    const video = this.#video;
    if (!video) {
      return;
    }
    this.#pausedByViewer = false;
    this.#movedAt = performance.now();
    if (await this.#tryPlay(video)) {
      return;
    }
    const wasMuted = video.muted;
    video.muted = true;
    this.soundBlocked = !wasMuted;
    this.gestureNeeded = !(await this.#tryPlay(video));
  }

  async #tryPlay(video: HTMLVideoElement): Promise<boolean> {
    try {
      await video.play();
      this.gestureNeeded = false;
      return true;
    } catch (error) {
      // A pause or a new source while it was starting is no refusal.
      return !(error instanceof DOMException && error.name === 'NotAllowedError');
    }
  }

  pause(): void {
    this.#pausedByViewer = true;
    this.#behindByWish = true;
    this.#video?.pause();
  }

  togglePlay(): void {
    if (this.#video?.paused === false) {
      this.pause();
    } else {
      void this.play();
    }
  }

  toggleMute(): void {
    if (this.#video) {
      this.setMuted(!this.#video.muted);
    }
  }

  setMuted(muted: boolean): void {
    const video = this.#video;
    if (video) {
      video.muted = muted;
      if (!muted && video.volume === 0) {
        video.volume = 1;
      }
    }
  }

  setVolume(volume: number): void {
    if (this.#video) {
      this.#video.volume = Math.min(1, Math.max(0, volume));
      this.#video.muted = volume <= 0;
    }
  }

  /** Moves to the live edge and plays. */
  goLive(): void {
    const target = this.#hls?.liveSyncPosition ?? null;
    if (this.#video && target !== null) {
      this.#video.currentTime = target;
    }
    this.#behindByWish = false;
    void this.play();
  }

  /** The list of renditions, or of the sound alone, did not come. */
  #refused(status: number | undefined): void {
    this.full = status === HTTP_UNAVAILABLE;
    if (status === HTTP_FORBIDDEN && this.#hls?.url === this.#soundUrl) {
      this.#reloadSource();
    }
  }

  #error(library: typeof Hls, data: ErrorData): void {
    if (data.response?.code === HTTP_FORBIDDEN) {
      this.#reloadSource();
    }
    // Somebody else took the place while this player was away.
    this.full ||= data.response?.code === HTTP_UNAVAILABLE;
    if (!data.fatal) {
      return;
    }
    this.fatalErrors += 1;
    const details = library.ErrorDetails;
    const unplayable: string[] = [
      details.MANIFEST_INCOMPATIBLE_CODECS_ERROR,
      // A publisher may change its codec while somebody watches.
      details.BUFFER_INCOMPATIBLE_CODECS_ERROR,
      details.BUFFER_ADD_CODEC_ERROR,
    ];
    if (unplayable.includes(data.details)) {
      this.state = 'unsupported';
      this.#hls?.stopLoad();
    } else if (data.type === library.ErrorTypes.MEDIA_ERROR) {
      this.#recoverMedia();
    } else {
      this.#reloadSource();
    }
  }

  #recoverMedia(): void {
    const now = performance.now();
    this.#recoveries = this.#recoveries.filter((at) => now - at < MEDIA_WINDOW_MS);
    if (this.#recoveries.length >= MEDIA_RECOVERIES_MAX) {
      this.state = 'failed';
      this.#hls?.stopLoad();
      return;
    }
    this.#recoveries.push(now);
    this.#hls?.recoverMediaError();
  }

  /** From the list of renditions, which may have other addresses by now; what comes meanwhile changes nothing. */
  #reloadSource(): void {
    this.#reload ??= setTimeout(() => {
      this.#reload = undefined;
      this.#hls?.loadSource(this.#url);
    }, RELOAD_MS);
  }

  #tick(): void {
    const video = this.#video;
    if (!video || this.state === 'idle') {
      return;
    }
    const now = performance.now();
    if (video.currentTime !== this.#position) {
      this.#position = video.currentTime;
      this.#movedAt = now;
      this.#hasPlayed ||= !video.paused;
    }
    if (typeof this.wish === 'number' && this.qualities.length > 1 && this.#hls?.autoLevelEnabled) {
      // The rendition ended or could not be read, and hls.js chooses again.
      this.wish = 'auto';
    }
    this.#measure(video);
    this.#rejoin(video, now);
    this.#refill(video, now);
    this.#free(video, (now - this.#movedAt) / 1000);
    this.#update();
  }

  #measure(video: HTMLVideoElement): void {
    const hls = this.#hls;
    if (!hls || !this.#hasPlayed) {
      return;
    }
    const details = hls.latestLevelDetails;
    const edge = details ? details.edge + details.age - video.currentTime : null;
    const date = hls.playingDate;
    const clock = date ? (Date.now() - date.getTime()) / 1000 : null;
    const latency = latencySeconds(edge, clock);
    this.latency = latency;
    this.behind = isBehind(latency, hls.targetLatency) || (video.paused && this.#pausedByViewer);
  }

  /** Brings a viewer back to the live edge who fell behind without wishing it. */
  #rejoin(video: HTMLVideoElement, now: number): void {
    const hls = this.#hls;
    const [target, details] = [hls?.liveSyncPosition ?? null, hls?.latestLevelDetails];
    if (target === null || !details || !this.#hasPlayed || video.paused || video.seeking || this.#dry) {
      this.#lagsSince = null;
      return;
    }
    const [beyond, reach] = [target - video.currentTime, details.targetduration];
    this.#behindByWish &&= beyond > reach;
    this.#lagsSince = beyond > reach && !this.#behindByWish ? (this.#lagsSince ?? now) : null;
    if (this.#lagsSince === null) {
      return;
    }
    const way = rejoin({ beyond, reach, since: (now - this.#lagsSince) / 1_000 });
    if (way === 'jump' && stretches(video.buffered).some(({ start, end }) => start <= target && target < end)) {
      this.#lagsSince = null;
      video.currentTime = target;
    } else if (way !== null && video.playbackRate !== 0) {
      video.playbackRate = CATCH_UP_RATE;
    }
  }

  /** Stops a player that ran dry, and lets it go on once there is enough; hls.js leaves a rate of 0 alone. */
  #refill(video: HTMLVideoElement, now: number): void {
    const ahead = (stretches(video.buffered).at(-1)?.end ?? video.currentTime) - video.currentTime;
    if (!this.#dry) {
      if (this.#hls && this.state === 'buffering' && !video.seeking && ahead < SCRAP_S) {
        this.#dry = true;
        video.playbackRate = 0;
      }
      return;
    }
    if (ahead >= SCRAP_S) {
      this.#refillAt ??= now;
    }
    const waited = this.#refillAt === null ? 0 : (now - this.#refillAt) / 1000;
    if (video.paused || video.playbackRate !== 0 || mayResume(ahead, waited)) {
      this.#resume();
      this.#movedAt = now;
    }
  }

  #resume(): void {
    if (this.#dry && this.#video?.playbackRate === 0) {
      this.#video.playbackRate = 1;
    }
    this.#dry = false;
    this.#refillAt = null;
  }

  #free(video: HTMLVideoElement, since: number): void {
    if (video.paused || video.seeking || this.#dry || !this.#hls) {
      return;
    }
    const target = unstick({
      position: video.currentTime,
      since,
      buffered: stretches(video.buffered),
      liveSync: this.#hls.liveSyncPosition,
    });
    if (target !== null) {
      this.#movedAt = performance.now();
      video.currentTime = target;
    }
  }

  #update(): void {
    const video = this.#video;
    if (!video || this.state === 'idle' || this.state === 'unsupported' || this.state === 'failed') {
      return;
    }
    if (video.paused) {
      this.state = this.#hasPlayed || this.gestureNeeded ? 'paused' : 'loading';
    } else if (video.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA && !video.seeking && !this.#dry) {
      this.state = 'playing';
    } else {
      this.state = this.#hasPlayed ? 'buffering' : 'loading';
    }
  }
}
