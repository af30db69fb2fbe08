// Pictures and levels from the program, over its WebSocket on loopback.
import { Meter, type Reading } from './meter';

/** The program is on this computer, so trying again soon costs nothing. Milliseconds. */
const RETRY_MS = 500;

/** A level, dBFS. */
interface Level {
  rmsDb: number;
  peakDb: number;
}

/** How loud the mix is to the ear; `null` is silence. */
export interface Loudness {
  momentaryLufs: number | null;
  shortTermLufs: number | null;
  integratedLufs: number | null;
}

/** What a message of levels holds. */
interface Levels extends Loudness {
  sounds: (Level & { id: number })[];
  mix: Level;
}

/** One connection to the program, made again when it is lost. */
export class Feed {
  /** What the meters show, by the sound's id. */
  readings = $state.raw<Record<number, Reading>>({});
  /** What the meter of the mix shows; `null` before the first level. */
  mix = $state.raw<Reading | null>(null);
  loudness = $state.raw<Loudness>({ momentaryLufs: null, shortTermLufs: null, integratedLufs: null });
  /** What the first sound's meter shows; `null` before the first level. */
  reading = $derived<Reading | null>(Object.values(this.readings)[0] ?? null);
  /** The connection was there and is gone. */
  lost = $state(false);
  /** At least one picture was drawn. */
  drawn = $state(false);

  #url: string;
  #pictures: boolean;
  #meters = new Map<number, Meter>();
  #mixMeter = new Meter();
  #socket: WebSocket | null = null;
  #timer = 0;
  #canvas: HTMLCanvasElement | null = null;
  #visible = () => this.#say(document.hidden ? 'hidden' : 'shown');

  /** Without `pictures` only levels come. */
  constructor(url: string, pictures = true) {
    this.#url = url;
    this.#pictures = pictures;
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
      if (!this.#pictures) {
        socket.send('levels only');
      }
      if (document.hidden) {
        socket.send('hidden');
      }
    };
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (typeof data === 'string') {
        this.#take(JSON.parse(data) as Levels);
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

  #take({ sounds, mix, ...loudness }: Levels): void {
    const now = performance.now();
    const meters = new Map(sounds.map(({ id }) => [id, this.#meters.get(id) ?? new Meter()]));
    this.#meters = meters;
    this.readings = Object.fromEntries(
      sounds.map(({ id, rmsDb, peakDb }) => [id, (meters.get(id) ?? new Meter()).take(now, rmsDb, peakDb)]),
    );
    this.mix = this.#mixMeter.take(now, mix.rmsDb, mix.peakDb);
    this.loudness = loudness;
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
