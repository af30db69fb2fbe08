import type Hls from 'hls.js';

/** After a lost network, the media is asked for again so often. Milliseconds. */
const AGAIN_MS = 3_000;

/** `failed`: the recording could not be read. `unsupported`: this browser cannot play it. */
export type ReplayState = 'loading' | 'ready' | 'failed' | 'unsupported';

/** A `<video>` on a recording. The element's own controls seek, pause and set the sound. */
export class ReplayPlayer {
  state = $state<ReplayState>('loading');
  /** Where the picture stands, in milliseconds from the recording's beginning. */
  at_ms = $state(0);

  /** Plays what a playlist names; the answer lets go of it. */
  attach(video: HTMLVideoElement, url: string): () => void {
    let hls: Hls | null = null;
    let gone = false;
    let again: ReturnType<typeof setTimeout> | undefined;
    const moved = (): void => {
      this.at_ms = video.currentTime * 1_000;
    };
    const ready = (): void => {
      this.state = 'ready';
    };
    const events = ['timeupdate', 'seeking', 'seeked'] as const;
    for (const event of events) {
      video.addEventListener(event, moved);
    }
    video.addEventListener('loadedmetadata', ready);
    const load = async (): Promise<void> => {
      const { default: Library } = await import('hls.js');
      if (gone) {
        return;
      }
      if (!Library.isSupported()) {
        this.#loadNative(video, url);
        return;
      }
      // Without a worker the content security policy needs no `blob:` script.
      hls = new Library({ enableWorker: false, maxBufferLength: 30 });
      let recovered = false;
      hls.on(Library.Events.ERROR, (_event, data) => {
        if (!data.fatal) {
          return;
        }
        if (data.type === Library.ErrorTypes.MEDIA_ERROR && !recovered) {
          recovered = true;
          hls?.recoverMediaError();
          return;
        }
        this.state = 'failed';
        if (data.type === Library.ErrorTypes.NETWORK_ERROR) {
          // What is buffered goes on meanwhile, and the place is kept.
          again = setTimeout(() => (hls?.levels.length ? hls.startLoad() : hls?.loadSource(url)), AGAIN_MS);
        }
      });
      hls.on(Library.Events.FRAG_LOADED, () => {
        this.state = this.state === 'failed' ? 'ready' : this.state;
      });
      hls.loadSource(url);
      hls.attachMedia(video);
    };
    void load().catch(() => {
      this.state = 'failed';
    });
    return () => {
      gone = true;
      clearTimeout(again);
      hls?.destroy();
      for (const event of events) {
        video.removeEventListener(event, moved);
      }
      video.removeEventListener('loadedmetadata', ready);
    };
  }

  #loadNative(video: HTMLVideoElement, url: string): void {
    if (video.canPlayType('application/vnd.apple.mpegurl') === '') {
      this.state = 'unsupported';
      return;
    }
    video.addEventListener(
      'error',
      () => {
        this.state = 'failed';
      },
      { once: true },
    );
    video.src = url;
  }
}
