// A room's uploaded files, as the origin's API tells it.

import { type Answer as Asked, ask } from '$lib/api/client';

export const STATES = ['receiving', 'checking', 'ready', 'scheduled', 'live', 'done', 'refused'] as const;
export type FileState = (typeof STATES)[number];
export const ENDS = ['finished', 'ended', 'taken_over', 'origin_stopped', 'missed', 'failed'] as const;
export type FileEnd = (typeof ENDS)[number];

/** What was found in a file. */
export interface FileFacts {
  /** As people call it: `MP4`. */
  format: string;
  duration_ms: number;
  video: { codec: string; width: number; height: number; fps: number } | null;
  audio: { codec: string } | null;
  /** What its owner should know, in words of the origin. */
  notices: string[];
}

/** An uploaded file. Times are Unix time in milliseconds. */
export interface StoredFile {
  /** Names it in addresses. */
  id: string;
  name: string;
  bytes: number;
  /** Of these so many are there. */
  received: number;
  created_ms: number;
  state: FileState;
  facts: FileFacts | null;
  /** When it goes live, or went. */
  live_at_ms: number | null;
  repeat: boolean;
  /** How far it has been played; `null` while it is not live. */
  position_ms: number | null;
  ended: FileEnd | null;
  /** Why it ended or was refused, in words of the origin. */
  note: string | null;
}

/** What asking gave. `words` are the origin's, empty without any. */
export type Answer<T> =
  | { kind: 'ok'; value: T }
  | { kind: 'signed_out' }
  | { kind: 'refused'; words: string }
  | { kind: 'failed' };

/** A room's files, and the largest that is taken: 0 when none is. */
export interface FileList {
  files: StoredFile[];
  max_bytes: number;
}

type Fields = Record<string, unknown>;
const fields = (value: unknown): Fields | null =>
  typeof value === 'object' && value !== null ? (value as Fields) : null;
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const number = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0);
const maybe = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) ? value : null);
const one = <T extends string>(known: readonly T[], value: unknown): T | null =>
  known.find((word) => word === value) ?? null;

function readFacts(value: unknown): FileFacts | null {
  const facts = fields(value);
  if (!facts) {
    return null;
  }
  const [video, audio] = [fields(facts.video), fields(facts.audio)];
  return {
    format: text(facts.format),
    duration_ms: number(facts.duration_ms),
    video: video && {
      codec: text(video.codec),
      width: number(video.width),
      height: number(video.height),
      fps: number(video.fps),
    },
    audio: audio && { codec: text(audio.codec) },
    notices: Array.isArray(facts.notices) ? facts.notices.map(text).filter((notice) => notice !== '') : [],
  };
}

/** Reads a file from parsed JSON; `null` when it is not one. */
export function readFile(value: unknown): StoredFile | null {
  const file = fields(value);
  const state = one(STATES, file?.state);
  if (!file || state === null || text(file.id) === '') {
    return null;
  }
  return {
    id: text(file.id),
    name: text(file.name),
    bytes: number(file.bytes),
    received: number(file.received),
    created_ms: number(file.created_ms),
    state,
    facts: readFacts(file.facts),
    live_at_ms: maybe(file.live_at_ms),
    repeat: file.repeat === true,
    position_ms: maybe(file.position_ms),
    ended: one(ENDS, file.ended),
    note: text(file.note) || null,
  };
}

/** The room's files at the origin: as whoever is signed in, or with an access token. */
export class Files {
  /** An access token in place of a session; empty for the session. Kept in the page's memory alone. */
  token = '';
  readonly #room: string;

  constructor(room: string) {
    this.#room = room;
  }

  /** Where the files are. */
  get path(): string {
    return `/api/v1/rooms/${encodeURIComponent(this.#room)}/uploads`;
  }

  /** The headers of every request. */
  headers(more: Record<string, string> = {}): Record<string, string> {
    return this.token === '' ? more : { ...more, authorization: `Bearer ${this.token}` };
  }

  /** All of them, the newest first. */
  async list(): Promise<Answer<FileList>> {
    const answer = meant(await ask('GET', '/api/v1/rooms/{room}/uploads', this.#asked()));
    if (answer.kind !== 'ok') {
      return answer;
    }
    const files = answer.value.uploads.map(readFile).filter((file) => file !== null);
    return { kind: 'ok', value: { files, max_bytes: answer.value.max_bytes } };
  }

  /** Lets a file go live at a moment, or at once. */
  async schedule(id: string, at_ms: number | null, repeat: boolean): Promise<Answer<unknown>> {
    const asked = { ...this.#of(id), body: { at_ms, repeat } };
    return meant(await ask('PUT', '/api/v1/rooms/{room}/uploads/{id}/schedule', asked));
  }

  /** Takes that back. */
  async unschedule(id: string): Promise<Answer<unknown>> {
    return meant(await ask('DELETE', '/api/v1/rooms/{room}/uploads/{id}/schedule', this.#of(id)));
  }

  /** Deletes a file. */
  async remove(id: string): Promise<Answer<unknown>> {
    return meant(await ask('DELETE', '/api/v1/rooms/{room}/uploads/{id}', this.#of(id)));
  }

  /** Ends the room's broadcast. */
  async end(): Promise<Answer<unknown>> {
    return meant(await ask('POST', '/api/v1/rooms/{room}/end', this.#asked()));
  }

  #asked() {
    return { path: { room: this.#room }, headers: this.headers({ 'tus-resumable': '1.0.0' }) };
  }

  #of(id: string) {
    return { ...this.#asked(), path: { room: this.#room, id } };
  }
}

/** What an answer of the origin's means. */
function meant<T>(answer: Asked<T>): Answer<T> {
  if (answer.ok) {
    return { kind: 'ok', value: answer.value };
  }
  const { status, detail } = answer.problem;
  if (status === 401 || status === 403) {
    return { kind: 'signed_out' };
  }
  return status === 0 || (status >= 500 && status !== 507) ? { kind: 'failed' } : { kind: 'refused', words: detail };
}
