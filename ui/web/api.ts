import { type Room, readRoom } from '$lib/room/room';

/** An answer later than this counts as none. Milliseconds. */
const TIMEOUT_MS = 8_000;

/** What asking for a room gave. `failed`: no answer, or not one we understand; asking again may help. */
export type RoomAnswer = { kind: 'room'; room: Room } | { kind: 'missing' } | { kind: 'failed' };

async function get(path: string): Promise<Response> {
  return fetch(path, { signal: AbortSignal.timeout(TIMEOUT_MS), headers: { accept: 'application/json' } });
}

/** The public rooms; `null` when the origin did not answer. */
export async function listRooms(): Promise<Room[] | null> {
  try {
    const response = await get('/api/v1/rooms');
    if (!response.ok) {
      return null;
    }
    const body: { rooms?: unknown } = await response.json();
    return Array.isArray(body.rooms) ? body.rooms.map(readRoom).filter((room) => room !== null) : null;
  } catch {
    return null;
  }
}

/** The https address this origin can be reached at, with its port; `null` when there is none or no answer. */
export async function secureAddress(): Promise<string | null> {
  try {
    const response = await get('/api/v1/addresses');
    const body: { https?: unknown } = response.ok ? await response.json() : {};
    return typeof body.https === 'string' ? body.https : null;
  } catch {
    return null;
  }
}

/** One room by its slug. */
export async function getRoom(slug: string): Promise<RoomAnswer> {
  try {
    const response = await get(`/api/v1/rooms/${encodeURIComponent(slug)}`);
    // A slug that is no slug is a room that does not exist.
    if (response.status === 404 || response.status === 400) {
      return { kind: 'missing' };
    }
    const room = response.ok ? readRoom(await response.json()) : null;
    return room ? { kind: 'room', room } : { kind: 'failed' };
  } catch {
    return { kind: 'failed' };
  }
}
