// What a replay leads to, as the origin's API tells it.

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
/** An answer later than this counts as none. Milliseconds. */
const TIMEOUT_MS = 8_000;

/** A recording's chapters in order; none when the origin does not tell. */
export async function readChapters(id: string): Promise<Chapter[]> {
  try {
    const response = await fetch(`/api/v1/recordings/${encodeURIComponent(id)}/chapters`, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: { accept: 'application/json' },
    });
    const body: { chapters?: unknown } = response.ok ? await response.json() : {};
    return (Array.isArray(body.chapters) ? body.chapters : []).flatMap(readChapter);
  } catch {
    return [];
  }
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
