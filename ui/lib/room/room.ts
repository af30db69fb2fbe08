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
  /** Path of a picture of the broadcast, else of the one its owner gave it, another one for each picture; `null` when there is none. */
  picture: string | null;
  /** What its owner says about it; missing in the chat's `welcome`. */
  about?: About;
}

export type Visibility = 'public' | 'unlisted' | 'private';

/** What a room's owner says about it, and who looks at it. */
export interface About {
  description: string;
  /** BCP 47 tag. */
  language: string | null;
  tags: string[];
  /** When the next broadcast is planned, Unix time in milliseconds. */
  next_at_ms: number | null;
  visibility: Visibility;
  viewer_limit: number | null;
  /** Since when it takes no publishers, Unix time in milliseconds. */
  archived_at_ms: number | null;
  /** Whether whoever looks follows it; `null` for a guest. */
  followed: boolean | null;
  /** How many follow it; `null` in lists. */
  followers: number | null;
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
    picture: typeof room.picture === 'string' && /^\/(live|api)\//.test(room.picture) ? room.picture : null,
    ...readAbout(room),
  };
}

const VISIBILITIES: readonly unknown[] = ['public', 'unlisted', 'private'];
const number = (value: unknown): number | null => (typeof value === 'number' ? value : null);

function readAbout(room: Record<string, unknown>): { about?: About } {
  if (!VISIBILITIES.includes(room.visibility)) {
    return {};
  }
  const about: About = {
    description: typeof room.description === 'string' ? room.description : '',
    language: typeof room.language === 'string' ? room.language : null,
    tags: Array.isArray(room.tags) ? room.tags.filter((tag) => typeof tag === 'string') : [],
    next_at_ms: number(room.next_at_ms),
    visibility: room.visibility as Visibility,
    viewer_limit: number(room.viewer_limit),
    archived_at_ms: number(room.archived_at_ms),
    followed: typeof room.followed === 'boolean' ? room.followed : null,
    followers: number(room.followers),
  };
  return { about };
}

/** When something is planned next in a room, as far as that lies ahead of `now_ms`: what its owner says, or one of its files. */
export function plannedAt(room: Room, now_ms: number): number | null {
  const planned = [room.about?.next_at_ms ?? null, room.next_live_ms ?? null];
  const ahead = planned.filter((at_ms) => at_ms !== null && at_ms > now_ms) as number[];
  return ahead.length === 0 ? null : Math.min(...ahead);
}
