/** Whether a room is on air. `interrupted`: its publisher dropped and may come back into the same broadcast. */
export type RoomState = 'offline' | 'live' | 'interrupted';

/** A room as `GET /api/v1/rooms/{room}` and the chat's `welcome` describe it. */
export interface Room {
  /** The slug, as in `/r/{room}`. */
  room: string;
  title: string;
  /** The owner's account name; `null` while nobody owns the room. */
  owner: string | null;
  state: RoomState;
  /** Players that asked for media lately. */
  viewers: number;
  /** People connected to the chat. */
  members: number;
  /** Start of the running broadcast, Unix time in milliseconds; `null` when there is none. */
  live_since_ms: number | null;
  /** When one of its files goes live, Unix time in milliseconds; missing when nothing is planned, and in the chat's `welcome`. */
  next_live_ms?: number;
  /** Path of the multivariant playlist. */
  playlist: string;
  /** Path of a picture of the broadcast, another one for each picture; `null` when there is none. */
  picture: string | null;
}

const STATES: readonly string[] = ['offline', 'live', 'interrupted'];

/** Reads a room from parsed JSON; `null` when it is not one. */
export function readRoom(value: unknown): Room | null {
  if (typeof value !== 'object' || value === null) {
    return null;
  }
  const room = value as Record<string, unknown>;
  if (typeof room.room !== 'string' || typeof room.state !== 'string' || !STATES.includes(room.state)) {
    return null;
  }
  return {
    room: room.room,
    title: typeof room.title === 'string' && room.title !== '' ? room.title : room.room,
    owner: typeof room.owner === 'string' && room.owner !== '' ? room.owner : null,
    state: room.state as RoomState,
    viewers: typeof room.viewers === 'number' ? room.viewers : 0,
    members: typeof room.members === 'number' ? room.members : 0,
    live_since_ms: typeof room.live_since_ms === 'number' ? room.live_since_ms : null,
    ...(typeof room.next_live_ms === 'number' ? { next_live_ms: room.next_live_ms } : {}),
    playlist: typeof room.playlist === 'string' ? room.playlist : `/live/${room.room}/index.m3u8`,
    picture: typeof room.picture === 'string' && room.picture.startsWith('/live/') ? room.picture : null,
  };
}
