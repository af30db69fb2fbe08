// The connection to the origin's ingest.

import { ask } from '$lib/api/client';

/** Why the origin ended a broadcast for good, by its close code; others are worth another try. */
export type Refusal = 'taken_over' | 'key_changed' | 'closed' | 'occupied' | 'archived' | 'unreadable';
const REFUSALS: Record<number, Refusal> = {
  4000: 'taken_over',
  4001: 'key_changed',
  4002: 'closed',
  4003: 'occupied',
  4004: 'archived',
  1007: 'unreadable',
};

/** The origin closes so many ways; this one is ours: the broadcaster has finished. */
const FINISHED = 1000;
/** What waits is given up: the origin takes the next connection as another publisher's. */
const GIVEN_UP = 4100;

/** An answer later than this counts as none. Milliseconds. */
const TIMEOUT_MS = 8_000;
/** Bytes in one message: below the origin's limit, and small enough to leave between other traffic. */
const MESSAGE_BYTES = 512 * 1024;

/** What asking for admission gave. `failed`: no answer; asking again may help. */
export type Admission = { kind: 'admitted' } | { kind: 'refused'; status: number } | { kind: 'failed' };

/** Shows the key to the origin, which answers with a cookie for one connection: WebSockets carry no headers. */
export async function admit(room: string, key: string): Promise<Admission> {
  const headers = { authorization: `Bearer ${key}` };
  const answer = await ask('POST', '/api/v1/rooms/{room}/ingest-session', { path: { room }, headers });
  if (answer.ok) {
    return { kind: 'admitted' };
  }
  const { status } = answer.problem;
  return status >= 400 && status < 500 ? { kind: 'refused', status } : { kind: 'failed' };
}

/** Asks whether whoever is signed in may publish into the room: their session then opens the connection, without a key. */
export async function admitSession(room: string): Promise<Admission> {
  const answer = await ask('GET', '/api/v1/rooms/{room}', { path: { room } });
  if (answer.ok) {
    return answer.value.may?.manage ? { kind: 'admitted' } : { kind: 'refused', status: 401 };
  }
  const { status } = answer.problem;
  return status >= 400 && status < 500 ? { kind: 'refused', status } : { kind: 'failed' };
}

/** The ingest's address for a room, from the page's own address. */
export function ingestUrl(page: Pick<Location, 'protocol' | 'host'>, room: string): string {
  const scheme = page.protocol === 'https:' ? 'wss:' : 'ws:';
  return `${scheme}//${page.host}/api/v1/ingest?room=${encodeURIComponent(room)}`;
}

/** What a link tells. */
export interface LinkListener {
  opened(): void;
  /** The connection is gone; with a refusal there is no use in another. `words` are the origin's. */
  closed(refusal: Refusal | null, words: string): void;
}

/** One connection, from its opening to its end. */
export class Link {
  /** Bytes given to the socket so far. */
  sent_bytes = 0;
  readonly #socket: WebSocket;
  #listener: LinkListener | null;
  #timer: ReturnType<typeof setTimeout>;

  constructor(url: string, listener: LinkListener) {
    this.#listener = listener;
    this.#socket = new WebSocket(url);
    this.#timer = setTimeout(() => this.#end(null, ''), TIMEOUT_MS);
    this.#socket.onopen = () => {
      clearTimeout(this.#timer);
      this.#listener?.opened();
    };
    this.#socket.onclose = (event) => this.#end(REFUSALS[event.code] ?? null, event.reason);
  }

  /** Bytes that wait to leave this computer. */
  get waiting_bytes(): number {
    return this.#socket.bufferedAmount;
  }

  /** Sends what was recorded, in its order. */
  send(recorded: Blob): void {
    if (this.#socket.readyState !== WebSocket.OPEN) {
      return;
    }
    for (let at = 0; at < recorded.size; at += MESSAGE_BYTES) {
      this.#socket.send(recorded.slice(at, at + MESSAGE_BYTES));
    }
    this.sent_bytes += recorded.size;
  }

  /** Says goodbye: the broadcast is over. */
  finish(): void {
    this.#close(FINISHED, 'finished');
  }

  /** Leaves for another connection. */
  giveUp(): void {
    this.#close(GIVEN_UP, 'another connection follows');
  }

  #close(code: number, reason: string): void {
    this.#listener = null;
    clearTimeout(this.#timer);
    this.#socket.close(code, reason);
  }

  #end(refusal: Refusal | null, words: string): void {
    const listener = this.#listener;
    this.#listener = null;
    clearTimeout(this.#timer);
    this.#socket.close();
    listener?.closed(refusal, words);
  }
}
