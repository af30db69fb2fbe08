// One file on its way to the origin, by the tus protocol 1.0: in pieces, from where the last one ended.
import type { Files } from './files';

/** `waiting`: the connection was lost, and is tried again by itself. */
export type UploadStatus = 'starting' | 'sending' | 'paused' | 'waiting' | 'done' | 'failed';
/** Why an upload stopped for good; `refused` has words of the origin's. */
export type UploadFailure = 'signed_out' | 'refused' | 'unreadable';

/** What a piece became: so many bytes are there now, or why not. */
export type Piece =
  | { kind: 'taken'; offset: number }
  | { kind: 'lost' }
  | { kind: 'stopped'; why: UploadFailure; words: string };

/** The way to the origin; another one in tests. */
export interface Transport {
  create(file: File): Promise<{ kind: 'made'; url: string } | Piece>;
  /** How much of it is there; `missing` when the origin has forgotten it. */
  offset(url: string): Promise<{ kind: 'missing' } | Piece>;
  /** Sends bytes; `progress` tells how many of them have left. Aborting counts as lost. */
  send(url: string, offset: number, bytes: Blob, progress: (sent: number) => void, stop: AbortSignal): Promise<Piece>;
  remove(url: string): Promise<void>;
}

/** Bytes of one request: small enough that a proxy between keeps none for long. */
export const PIECE_BYTES = 32 * 1024 * 1024;
/** Waits after a lost connection; the last one goes on. Milliseconds. */
const WAITS_MS = [500, 1_000, 2_000, 4_000, 8_000] as const;
/** How far back the speed is measured: calm enough to read. Milliseconds. */
const SPEED_SPAN_MS = 4_000;

const KEY = 'rostrum.upload';

/** One upload. */
export class Upload {
  status = $state<UploadStatus>('starting');
  failure = $state<UploadFailure | null>(null);
  /** The origin's words for `refused`. */
  words = $state('');
  /** Bytes that have left. */
  sent = $state(0);
  /** Bytes a second; `null` before it is known. */
  speed = $state<number | null>(null);
  readonly file: File;

  readonly #room: string;
  readonly #transport: Transport;
  #url: string | null = null;
  #stop = new AbortController();
  #marks: { at_ms: number; sent: number }[] = [];
  #running = false;
  #wake: (() => void) | null = null;

  constructor(room: string, file: File, transport: Transport) {
    this.#room = room;
    this.file = file;
    this.#transport = transport;
  }

  /** Whether bytes are to be sent, now or later. */
  get open(): boolean {
    return this.status !== 'done' && this.status !== 'failed';
  }

  /** Seconds that are left at this speed; `null` when that is not known. */
  get left_s(): number | null {
    return this.speed === null || this.speed <= 0 ? null : (this.file.size - this.sent) / this.speed;
  }

  /** The id that the origin gave the file; `null` before. */
  get id(): string | null {
    return this.#url?.split('/').at(-1) ?? null;
  }

  /** Sends until all is there, or until it is paused. */
  async run(): Promise<void> {
    if (this.#running || !this.open) {
      return;
    }
    this.#running = true;
    this.#stop = new AbortController();
    const stop = this.#stop.signal;
    this.status = 'starting';
    for (let lost = 0; this.open && !stop.aborted; ) {
      const step = await this.#step(stop);
      if (stop.aborted) {
        break;
      }
      if (step.kind === 'stopped') {
        this.#fail(step.why, step.words);
      } else if (step.kind === 'lost') {
        this.status = 'waiting';
        this.speed = null;
        await this.#wait(WAITS_MS[Math.min(lost, WAITS_MS.length - 1)] ?? 0);
        lost += 1;
      } else {
        lost = 0;
      }
    }
    this.#running = false;
  }

  /** Sends nothing more until it is told to go on. */
  pause(): void {
    if (this.open) {
      this.status = 'paused';
      this.speed = null;
      this.#stop.abort();
      this.#wake?.();
    }
  }

  /** Goes on, also before its wait is over. */
  resume(): void {
    this.#wake?.();
    if (this.status === 'paused') {
      this.status = 'starting';
      // The piece that was aborted ends first.
      const again = (): void => void (this.#running ? setTimeout(again, 10) : this.run());
      again();
    }
  }

  /** Gives the file up: the origin forgets it. */
  async cancel(): Promise<void> {
    this.pause();
    forget(this.#room, this.file);
    if (this.#url !== null) {
      await this.#transport.remove(this.#url);
    }
  }

  /** Finds out how much is there, and sends the next piece. */
  async #step(stop: AbortSignal): Promise<Piece> {
    if (this.#url === null) {
      this.#url = remembered(this.#room, this.file);
    }
    if (this.#url === null) {
      const made = await this.#transport.create(this.file);
      if (made.kind !== 'made') {
        return made;
      }
      this.#url = made.url;
      remember(this.#room, this.file, made.url);
    }
    const there = await this.#transport.offset(this.#url);
    if (there.kind === 'missing') {
      this.#url = null;
      forget(this.#room, this.file);
      return { kind: 'taken', offset: 0 };
    }
    if (there.kind !== 'taken') {
      return there;
    }
    return this.#send(this.#url, there.offset, stop);
  }

  async #send(url: string, from: number, stop: AbortSignal): Promise<Piece> {
    let offset = from;
    this.#progress(offset);
    while (offset < this.file.size && !stop.aborted) {
      this.status = 'sending';
      const at = offset;
      const bytes = this.file.slice(at, at + PIECE_BYTES);
      const piece = await this.#transport.send(url, at, bytes, (sent) => this.#progress(at + sent), stop);
      if (piece.kind !== 'taken') {
        return piece;
      }
      offset = piece.offset;
      this.#progress(offset);
    }
    if (offset >= this.file.size) {
      this.status = 'done';
      this.speed = null;
      forget(this.#room, this.file);
    }
    return { kind: 'taken', offset };
  }

  #progress(sent: number): void {
    const now = performance.now();
    if (sent < this.sent) {
      this.#marks = [];
    }
    this.sent = sent;
    this.#marks = [...this.#marks.filter((mark) => now - mark.at_ms < SPEED_SPAN_MS), { at_ms: now, sent }];
    const first = this.#marks[0];
    if (first && now - first.at_ms > 300) {
      this.speed = ((sent - first.sent) / (now - first.at_ms)) * 1_000;
    }
  }

  #fail(why: UploadFailure, words: string): void {
    this.status = 'failed';
    this.failure = why;
    this.words = words;
    this.speed = null;
  }

  #wait(ms: number): Promise<void> {
    return new Promise((done) => {
      const timer = setTimeout(() => this.#wake?.(), ms);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = null;
        done();
      };
    });
  }
}

/** What tells a file from others of its name, so that the same one goes on after the page was closed. */
function fingerprint(room: string, file: File): string {
  return [KEY, room, file.name, file.size, file.lastModified].join('/');
}

function remembered(room: string, file: File): string | null {
  try {
    return localStorage.getItem(fingerprint(room, file));
  } catch {
    return null;
  }
}

function remember(room: string, file: File, url: string): void {
  try {
    localStorage.setItem(fingerprint(room, file), url);
  } catch {
    // It can then be resumed for as long as the page is open.
  }
}

function forget(room: string, file: File): void {
  try {
    localStorage.removeItem(fingerprint(room, file));
  } catch {
    // There was nothing to forget.
  }
}

/** The origin's own way. */
export function transportTo(files: Files): Transport {
  const headers = (more: Record<string, string> = {}) => files.headers({ 'tus-resumable': '1.0.0', ...more });
  const ask = async (method: string, url: string, more: Record<string, string> = {}): Promise<Response | null> =>
    fetch(url, { method, headers: headers(more), signal: AbortSignal.timeout(15_000) }).catch(() => null);
  return {
    async create(file) {
      const name = btoa(String.fromCharCode(...new TextEncoder().encode(file.name)));
      const more = { 'upload-length': String(file.size), 'upload-metadata': `filename ${name}` };
      const response = await ask('POST', files.path, more);
      const url = response?.ok ? response.headers.get('location') : null;
      if (url) {
        return { kind: 'made', url };
      }
      const body = (await response?.text().catch(() => null)) ?? '';
      return response?.status === 409
        ? { kind: 'stopped', why: 'refused', words: detail(body) }
        : readPiece(response?.status ?? 0, null, body);
    },
    async offset(url) {
      const response = await ask('HEAD', url);
      if (response?.status === 404 || response?.status === 410) {
        return { kind: 'missing' };
      }
      return readPiece(response?.status ?? 0, response?.headers.get('upload-offset') ?? null);
    },
    send: (url, offset, bytes, progress, stop) =>
      new Promise((done) => {
        // fetch() does not tell how much of a body has left.
        const request = new XMLHttpRequest();
        request.open('PATCH', url);
        const more = { 'upload-offset': String(offset), 'content-type': 'application/offset+octet-stream' };
        for (const [name, value] of Object.entries(headers(more))) {
          request.setRequestHeader(name, value);
        }
        request.upload.onprogress = (event) => progress(event.loaded);
        request.onloadend = () =>
          done(readPiece(request.status, request.getResponseHeader('upload-offset'), request.responseText));
        stop.addEventListener('abort', () => request.abort(), { once: true });
        request.send(bytes);
      }),
    async remove(url) {
      await ask('DELETE', url);
    },
  };
}

/** What an answer with this status means; 0 is none. */
function readPiece(status: number, offset: string | null, body = ''): Piece {
  if (status >= 200 && status < 300 && offset !== null && /^\d+$/.test(offset)) {
    return { kind: 'taken', offset: Number(offset) };
  }
  if (status === 401 || status === 403) {
    return { kind: 'stopped', why: 'signed_out', words: '' };
  }
  // 409: the origin has another length, or another page sends this file. Asking again tells.
  const again = [0, 408, 409, 429].includes(status) || (status >= 500 && status !== 507);
  return again ? { kind: 'lost' } : { kind: 'stopped', why: 'refused', words: detail(body) };
}

function detail(body: string): string {
  try {
    const problem: { detail?: unknown } = JSON.parse(body);
    return typeof problem.detail === 'string' ? problem.detail : '';
  } catch {
    return '';
  }
}
