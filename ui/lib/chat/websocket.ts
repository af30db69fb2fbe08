import { backoffMs } from './backoff';
import { type ClientFrame, readFrame } from './frames';
import type { Transport, TransportListener } from './transport';

/** A connection that opens and says nothing for this long is given up. Milliseconds. */
const OPEN_TIMEOUT_MS = 10_000;
/** The same once it has spoken: the origin does so every 25 s at least. Without it, what a lost network or a computer
 * that slept left behind would look open until somebody writes, and to them too. Milliseconds. */
const SILENCE_MAX_MS = 60_000;

/** The chat's address for a room, from the page's own address. */
export function chatUrl(page: Pick<Location, 'protocol' | 'host'>, room: string, name: string): string {
  const scheme = page.protocol === 'https:' ? 'wss:' : 'ws:';
  const query = name === '' ? '' : `?name=${encodeURIComponent(name)}`;
  return `${scheme}//${page.host}/api/v1/rooms/${encodeURIComponent(room)}/chat${query}`;
}

/** Chat over a WebSocket that comes back by itself, with growing waits. */
export class WebSocketTransport implements Transport {
  readonly #url: () => string;
  #listener: TransportListener | null = null;
  #socket: WebSocket | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;

  /** `url` is asked at each attempt, so a changed guest name is used from the next one. */
  constructor(url: () => string) {
    this.#url = url;
  }

  start(listener: TransportListener): void {
    this.#listener = listener;
    globalThis.addEventListener?.('online', this.#retryNow);
    this.#connect();
  }

  send(frame: ClientFrame): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) {
      return false;
    }
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  stop(): void {
    this.#listener = null;
    globalThis.removeEventListener?.('online', this.#retryNow);
    clearTimeout(this.#timer);
    this.#drop();
  }

  /** Leaves and joins again at once, under the address `url` gives now. */
  reconnect(): void {
    const wasOpen = this.#socket !== null;
    clearTimeout(this.#timer);
    this.#drop();
    this.#attempt = 0;
    if (wasOpen) {
      this.#listener?.closed();
    }
    this.#connect();
  }

  readonly #retryNow = (): void => {
    if (this.#socket === null) {
      clearTimeout(this.#timer);
      this.#attempt = 0;
      this.#connect();
    }
  };

  #connect(): void {
    if (!this.#listener) {
      return;
    }
    const socket = new WebSocket(this.#url());
    this.#socket = socket;
    this.#expect(OPEN_TIMEOUT_MS);
    socket.onopen = () => this.#listener?.opened();
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = () => this.#lost(socket);
  }

  /** Gives the connection up when nothing comes for so long. */
  #expect(within_ms: number): void {
    const socket = this.#socket;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => socket && this.#lost(socket), within_ms);
  }

  #receive(data: unknown): void {
    const frame = typeof data === 'string' ? readFrame(data) : null;
    if (!frame) {
      return;
    }
    this.#expect(SILENCE_MAX_MS);
    // Only a welcome proves that the room took us; an origin that accepts and closes must not be hammered.
    if (frame.type === 'welcome') {
      this.#attempt = 0;
    }
    this.#listener?.frame(frame);
  }

  #lost(socket: WebSocket): void {
    if (socket !== this.#socket) {
      return;
    }
    clearTimeout(this.#timer);
    this.#drop();
    this.#listener?.closed();
    this.#timer = setTimeout(() => this.#connect(), backoffMs(this.#attempt, Math.random()));
    this.#attempt += 1;
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
  }
}
