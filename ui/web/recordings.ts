// What was recorded in a room, and what was said meanwhile, as the origin's API tells it.

import { ask } from '$lib/api/client';
import { type MessageFrame, readFrame } from '$lib/chat/frames';

/** One recording. */
export interface Recording {
  /** Names it in addresses. */
  id: string;
  /** The room's slug. */
  room: string;
  title: string;
  /** When it began, Unix time in milliseconds. */
  started_ms: number;
  /** Milliseconds of media; 0 while it is recorded. */
  duration_ms: number;
  /** Bytes of its files; 0 while it is recorded. */
  bytes: number;
  /** `recording` while it grows. */
  state: 'recording' | 'done';
  /** Why it ended before its broadcast, in words of the origin. */
  notice: string | null;
  /** Path of its page. */
  page: string;
  /** Path of its playlist. */
  playlist: string;
  /** Path of its picture; `null` when there is none. */
  poster: string | null;
  /** Paths of its files: one more for each time that the stream's parameters changed. */
  files: string[];
}

/** A message, and where in the recording it was said. */
export interface Said {
  /** Milliseconds from the recording's beginning. */
  offset_ms: number;
  message: MessageFrame;
}

/** `locked`: its room is private, and this browser was not let in. */
export type RecordingAnswer =
  | { kind: 'recording'; recording: Recording }
  | { kind: 'missing' }
  | { kind: 'locked' }
  | { kind: 'failed' };

/** Pages that are read at most: ten thousand messages, or recordings. */
const PAGES_MAX = 20;
/** Recordings on a page of the origin; on its last one there are fewer. */
const PAGE_RECORDINGS = 500;

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
const number = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0);
/** A path of this origin; anything else would lead away from it. */
const path = (value: unknown): string | null =>
  typeof value === 'string' && value.startsWith('/') && !value.startsWith('//') ? value : null;

/** Reads a recording from parsed JSON; `null` when it is not one. */
export function readRecording(value: unknown): Recording | null {
  if (typeof value !== 'object' || value === null) {
    return null;
  }
  const fields = value as Record<string, unknown>;
  const [id, room, page, playlist] = [text(fields.id), text(fields.room), path(fields.page), path(fields.playlist)];
  if (id === null || room === null || page === null || playlist === null) {
    return null;
  }
  const files = Array.isArray(fields.files) ? fields.files.map(path).filter((file) => file !== null) : [];
  return {
    id,
    room,
    title: text(fields.title) ?? room,
    started_ms: number(fields.started_ms),
    duration_ms: number(fields.duration_ms),
    bytes: number(fields.bytes),
    state: fields.state === 'recording' ? 'recording' : 'done',
    notice: text(fields.notice),
    page,
    playlist,
    poster: path(fields.poster),
    files,
  };
}

/** A room's recordings, the newest first; `null` when the origin did not answer. */
export async function listRecordings(room: string): Promise<Recording[] | null> {
  const all: Recording[] = [];
  let query: { before?: number } = {};
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const answer = await ask('GET', '/api/v1/rooms/{room}/recordings', { path: { room }, query });
    if (!answer.ok) {
      return null;
    }
    const found = answer.value.recordings;
    all.push(...found.map(readRecording).filter((recording) => recording !== null));
    const last = found.at(-1);
    if (last === undefined || found.length < PAGE_RECORDINGS) {
      break;
    }
    query = { before: last.started_ms };
  }
  return all;
}

/** One recording. */
export async function getRecording(id: string): Promise<RecordingAnswer> {
  const answer = await ask('GET', '/api/v1/recordings/{id}', { path: { id } });
  if (!answer.ok) {
    const { status } = answer.problem;
    return { kind: status === 404 ? 'missing' : status === 403 ? 'locked' : 'failed' };
  }
  const recording = readRecording(answer.value);
  return recording ? { kind: 'recording', recording } : { kind: 'failed' };
}

/** All that was said during a recording, in order; what the origin does not tell is left out. */
export async function readSaid(id: string): Promise<Said[]> {
  const all: Said[] = [];
  let after = 0;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const found = await readPage(id, after);
    all.push(...found);
    const last = found.at(-1)?.message.seq;
    if (last === undefined || last <= after) {
      break;
    }
    after = last;
  }
  return all;
}

async function readPage(id: string, after: number): Promise<Said[]> {
  const answer = await ask('GET', '/api/v1/recordings/{id}/messages', { path: { id }, query: { after } });
  return (answer.ok ? answer.value.messages : []).flatMap((value) => {
    const message = readFrame(JSON.stringify(value));
    return message?.type === 'message' ? [{ offset_ms: number(value.offset_ms), message }] : [];
  });
}

/** `1:12:40` or `48:05`. */
export function formatLength(duration_ms: number): string {
  const seconds = Math.max(0, Math.round(duration_ms / 1_000));
  const two = (value: number): string => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** `18 Nov 2026, 18:52`, in the viewer's zone. */
export function formatDay(at_ms: number, language: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }).format(at_ms);
}
