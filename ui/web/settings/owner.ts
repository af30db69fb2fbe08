// What the origin tells a room's owner, and what the owner tells the origin.

import { type Answer as Asked, ask } from '$lib/api/client';
import { type Room, readRoom, type Visibility } from '$lib/room/room';

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
  /** Whether somebody who publishes beside another is refused; else they take over. */
  refusesSecond: boolean;
  /** Whether a private room has a password, and a link. */
  hasPassword: boolean;
  hasLink: boolean;
  /** When the picture that stands in place of the broadcast was made, Unix time in milliseconds. */
  pictureAt_ms: number | null;
}

/** What of a room is to change; what is missing stays, and `null` takes away. */
export interface RoomChange {
  title?: string;
  record?: boolean;
  description?: string;
  language?: string | null;
  tags?: string[];
  next_at_ms?: number | null;
  visibility?: Visibility;
  password?: string | null;
  viewer_limit?: number | null;
  second_publisher?: 'takes_over' | 'refused';
  archived?: boolean;
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

type Json = Record<string, unknown>;
const json = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});
const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
const number = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0);
const maybe = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) ? value : null);
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** What an answer means to an owner's page. */
function meant<V, T>(answer: Asked<V>, read: (value: V) => T | null): Answer<T> {
  if (answer.ok) {
    try {
      const value = read(answer.value);
      return value === null ? { kind: 'failed' } : { kind: 'ok', value };
    } catch {
      // An origin of another version may leave out what this one always tells.
      return { kind: 'failed' };
    }
  }
  const { status } = answer.problem;
  return { kind: status === 401 || status === 403 ? 'stranger' : status === 404 ? 'missing' : 'failed' };
}

/** The room, if it is the asker's own. */
export async function readOwnedRoom(slug: string): Promise<Answer<OwnedRoom>> {
  const answer = meant(await ask('GET', '/api/v1/rooms/{room}', { path: { room: slug } }), (room) => room);
  if (answer.kind !== 'ok') {
    return answer;
  }
  const owned = readOwned(answer.value);
  return owned ? { kind: 'ok', value: owned } : { kind: 'stranger' };
}

/** Addresses, key and keeping. */
export async function readOwner(slug: string): Promise<Answer<Owner>> {
  return meant(await ask('GET', '/api/v1/rooms/{room}/owner', { path: { room: slug } }), (owner) => {
    const { key_last_four, addresses, keeping } = owner;
    return { key_last_four, addresses: { ...addresses, rtmps: addresses.rtmps ?? null }, keeping };
  });
}

/** Another key; the one before admits nobody any more. */
export async function makeKey(slug: string): Promise<Answer<NewKey>> {
  const made = await ask('POST', '/api/v1/rooms/{room}/stream-key', { path: { room: slug } });
  return meant(made, ({ stream_key }) => ({ stream_key }));
}

/** Ends the broadcast. */
export async function endBroadcast(slug: string): Promise<Answer<true>> {
  return meant(await ask('POST', '/api/v1/rooms/{room}/end', { path: { room: slug } }), () => true as const);
}

/** Changes the room. */
export async function changeRoom(slug: string, change: RoomChange): Promise<Answer<OwnedRoom>> {
  return meant(await ask('PATCH', '/api/v1/rooms/{room}', { path: { room: slug }, body: change }), readOwned);
}

/** Deletes a recording with its files. */
export async function deleteRecording(id: string): Promise<Answer<true>> {
  return meant(await ask('DELETE', '/api/v1/recordings/{id}', { path: { id } }), () => true as const);
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
    refusesSecond: fields.second_publisher === 'refused',
    hasPassword: fields.has_password === true,
    hasLink: fields.has_link === true,
    pictureAt_ms: maybe(fields.picture_at_ms),
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
