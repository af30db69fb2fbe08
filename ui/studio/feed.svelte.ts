// Pictures and levels from the program, over its WebSocket on loopback.
import { Meter, type Reading } from './meter';

/** The program is on this computer, so trying again soon costs nothing. Milliseconds. */
const RETRY_MS = 500;

/** What a level message holds. */
interface Level {
  rmsDb: number;
  peakDb: number;
}

/** One connection to the program, made again when it is lost. */
export class Feed {
  /** What the meter shows; `null` before the first level. */
  reading = $state.raw<Reading | null>(null);
  /** The connection was there and is gone. */
  lost = $state(false);
  /** At least one picture was drawn. */
  drawn = $state(false);

  #url: string;
  #meter = new Meter();
  #socket: WebSocket | null = null;
  #timer = 0;
  #canvas: HTMLCanvasElement | null = null;
  #visible = () => this.#say(document.hidden ? 'hidden' : 'shown');

  constructor(url: string) {
    this.#url = url;
    document.addEventListener('visibilitychange', this.#visible);
    this.#connect();
  }

  /** Draws on `canvas` from now on; `null` draws nowhere. */
  show(canvas: HTMLCanvasElement | null): void {
    this.#canvas = canvas;
    this.drawn = false;
    this.#visible();
  }

  close(): void {
    document.removeEventListener('visibilitychange', this.#visible);
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #connect(): void {
    const socket = new WebSocket(this.#url);
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      this.lost = false;
      if (document.hidden) {
        socket.send('hidden');
      }
    };
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (typeof data === 'string') {
        const { rmsDb, peakDb } = JSON.parse(data) as Level;
        this.reading = this.#meter.take(performance.now(), rmsDb, peakDb);
      } else {
        void this.#draw(data);
      }
    };
    socket.onclose = () => {
      if (this.#socket === socket) {
        this.lost = true;
        this.#timer = window.setTimeout(() => this.#connect(), RETRY_MS);
      }
    };
    this.#socket = socket;
  }

  #say(word: 'drawn' | 'hidden' | 'shown'): void {
    if (this.#socket?.readyState === WebSocket.OPEN) {
      this.#socket.send(word);
    }
  }

  /** Draws one picture, then asks for the next. A damaged one is passed over. */
  async #draw(data: ArrayBuffer): Promise<void> {
    try {
      const bitmap = await createImageBitmap(new Blob([data], { type: 'image/jpeg' }));
      const canvas = this.#canvas;
      if (canvas) {
        if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
          canvas.width = bitmap.width;
          canvas.height = bitmap.height;
        }
        canvas.getContext('2d', { alpha: false })?.drawImage(bitmap, 0, 0);
        this.drawn = true;
      }
      bitmap.close();
    } finally {
      this.#say('drawn');
    }
  }
}
