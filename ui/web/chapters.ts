// What a replay leads to, as the origin's API tells it.

import { ask } from '$lib/api/client';

/** A place in a recording. */
export interface Chapter {
  /** Milliseconds from the recording's beginning. */
  offset_ms: number;
  /** `resumed`: the publisher was away, and is back. */
  kind: 'resumed' | 'poll' | 'hand';
  /** A poll's question; else empty. */
  title: string;
}

const KINDS: readonly string[] = ['resumed', 'poll', 'hand'];

/** A recording's chapters in order; none when the origin does not tell. */
export async function readChapters(id: string): Promise<Chapter[]> {
  const answer = await ask('GET', '/api/v1/recordings/{id}/chapters', { path: { id } });
  return answer.ok ? answer.value.chapters.flatMap(readChapter) : [];
}

/** Reads a chapter from parsed JSON; nothing of what is none, or of a kind that is not known. */
export function readChapter(value: unknown): Chapter[] {
  const { offset_ms, kind, title } = (value ?? {}) as Record<string, unknown>;
  if (typeof offset_ms !== 'number' || !Number.isFinite(offset_ms) || !KINDS.includes(String(kind))) {
    return [];
  }
  const words = typeof title === 'string' ? title : '';
  return [{ offset_ms: Math.max(0, offset_ms), kind: kind as Chapter['kind'], title: words }];
}
