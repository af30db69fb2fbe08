// What the origin tells a room's owner, and what the owner tells the origin.

import { type Room, readRoom } from '$lib/room/room';

/** How an SRT connection does; counts are of packets since it began. */
export interface SrtFacts {
  rtt_ms: number;
  lost: number;
  retransmitted: number;
  dropped: number;
  buffer_ms: number;
  latency_ms: number;
  encrypted: boolean;
}

/** What arrives from the publisher. */
export interface Ingest {
  protocol: string;
  srt: SrtFacts | null;
  video: {
    codec: string;
    width: number;
    height: number;
    fps: number | null;
    keyframe_interval_ms: number | null;
  } | null;
  audio: { codec: string; sample_rate: number; channels: number } | null;
  bitrate_bps: number;
  /** Pictures that arrived and could not be passed on. */
  dropped_frames: number;
  jitter_ms: number | null;
  /** How far the sound is ahead of the picture; negative: behind. */
  av_offset_ms: number | null;
  renditions: { name: string; bitrate_bps_max: number; active: boolean }[];
  /** In the origin's words. */
  warnings: string[];
}

/** A room with what only its owner sees. */
export interface OwnedRoom {
  room: Room;
  /** `null` while nobody publishes. */
  ingest: Ingest | null;
  record: boolean;
  recording: { writing: boolean; notice: string | null };
  /** Why the last publisher was sent away, in the origin's words. */
  problem: string | null;
}

/** Where encoders connect, how the key ends, and how long recordings stay. */
export interface Owner {
  key_last_four: string;
  addresses: { rtmp: string; rtmps: string | null; srt: string; websocket: string };
  keeping: { keep_days: number; used_bytes: number; allowed_bytes: number | null };
}

/** A room's new key and the addresses with it. */
export interface NewKey {
  stream_key: string;
}

/** What a request gave. `stranger`: whoever asks is not the owner. `failed`: no answer; asking again may help. */
export type Answer<T> = { kind: 'ok'; value: T } | { kind: 'stranger' } | { kind: 'missing' } | { kind: 'failed' };

/** An answer later than this counts as none. Milliseconds. */
const TIMEOUT_MS = 8_000;

type Json = Record<string, unknown>;
const json = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});
const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
const number = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0);
const maybe = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) ? value : null);
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

async function ask<T>(
  method: string,
  path: string,
  body: unknown,
  read: (value: unknown) => T | null,
): Promise<Answer<T>> {
  try {
    const response = await fetch(path, {
      method,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: {
        accept: 'application/json',
        ...(body === null ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === null ? {} : { body: JSON.stringify(body) }),
    });
    if (response.status === 401 || response.status === 403) {
      return { kind: 'stranger' };
    }
    if (response.status === 404) {
      return { kind: 'missing' };
    }
    if (!response.ok) {
      return { kind: 'failed' };
    }
    const value = read(response.status === 204 ? {} : await response.json());
    return value === null ? { kind: 'failed' } : { kind: 'ok', value };
  } catch {
    return { kind: 'failed' };
  }
}

const roomPath = (slug: string): string => `/api/v1/rooms/${encodeURIComponent(slug)}`;

/** The room, if it is the asker's own. */
export async function readOwnedRoom(slug: string): Promise<Answer<OwnedRoom>> {
  const answer = await ask('GET', roomPath(slug), null, (value) => readOwned(value) ?? ('stranger' as const));
  return answer.kind === 'ok' && answer.value === 'stranger' ? { kind: 'stranger' } : (answer as Answer<OwnedRoom>);
}

/** Addresses, key and keeping. */
export function readOwner(slug: string): Promise<Answer<Owner>> {
  return ask('GET', `${roomPath(slug)}/owner`, null, (value) => {
    const { key_last_four, addresses, keeping } = json(value);
    const [of, kept] = [json(addresses), json(keeping)];
    const [rtmp, srt, websocket] = [text(of.rtmp), text(of.srt), text(of.websocket)];
    if (rtmp === null || srt === null || websocket === null) {
      return null;
    }
    return {
      key_last_four: text(key_last_four) ?? '',
      addresses: { rtmp, rtmps: text(of.rtmps), srt, websocket },
      keeping: {
        keep_days: number(kept.keep_days),
        used_bytes: number(kept.used_bytes),
        allowed_bytes: maybe(kept.allowed_bytes),
      },
    };
  });
}

/** Another key; the one before admits nobody any more. */
export function makeKey(slug: string): Promise<Answer<NewKey>> {
  return ask('POST', `${roomPath(slug)}/stream-key`, null, (value) => {
    const stream_key = text(json(value).stream_key);
    return stream_key === null ? null : { stream_key };
  });
}

/** Ends the broadcast. */
export function endBroadcast(slug: string): Promise<Answer<true>> {
  return ask('POST', `${roomPath(slug)}/end`, null, () => true as const);
}

/** Changes the room. */
export function changeRoom(slug: string, change: { title?: string; record?: boolean }): Promise<Answer<OwnedRoom>> {
  return ask('PATCH', roomPath(slug), change, readOwned);
}

/** Deletes a recording with its files. */
export function deleteRecording(id: string): Promise<Answer<true>> {
  return ask('DELETE', `/api/v1/recordings/${encodeURIComponent(id)}`, null, () => true as const);
}

/** Reads a room with what its owner sees; `null` when that is not in it. */
export function readOwned(value: unknown): OwnedRoom | null {
  const room = readRoom(value);
  const fields = json(value);
  if (room === null || typeof fields.record !== 'boolean') {
    return null;
  }
  const recording = json(fields.recording);
  return {
    room,
    ingest: fields.ingest === null || fields.ingest === undefined ? null : readIngest(json(fields.ingest)),
    record: fields.record,
    recording: { writing: text(recording.writing) !== null, notice: text(recording.notice) },
    problem: text(fields.problem),
  };
}

function readIngest(fields: Json): Ingest {
  const [video, audio, srt] = [json(fields.video), json(fields.audio), json(fields.srt)];
  return {
    protocol: text(fields.protocol) ?? '',
    srt: fields.srt ? readSrt(srt) : null,
    video: fields.video
      ? {
          codec: text(video.codec) ?? '',
          width: number(video.width),
          height: number(video.height),
          fps: maybe(video.fps),
          keyframe_interval_ms: maybe(video.keyframe_interval_ms),
        }
      : null,
    audio: fields.audio
      ? { codec: text(audio.codec) ?? '', sample_rate: number(audio.sample_rate), channels: number(audio.channels) }
      : null,
    bitrate_bps: number(fields.bitrate_bps),
    dropped_frames: number(fields.dropped_frames),
    jitter_ms: maybe(fields.jitter_ms),
    av_offset_ms: maybe(fields.av_offset_ms),
    renditions: list(fields.renditions).map((one) => ({
      name: text(json(one).name) ?? '',
      bitrate_bps_max: number(json(one).bitrate_bps_max),
      active: json(one).active === true,
    })),
    warnings: list(fields.warnings).flatMap((one) => text(one) ?? []),
  };
}

function readSrt(fields: Json): SrtFacts {
  return {
    rtt_ms: number(fields.rtt_ms),
    lost: number(fields.lost),
    retransmitted: number(fields.retransmitted),
    dropped: number(fields.dropped),
    buffer_ms: number(fields.buffer_ms),
    latency_ms: number(fields.latency_ms),
    encrypted: fields.encrypted === true,
  };
}
