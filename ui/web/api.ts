import { type Room, readRoom } from '$lib/room/room';

/** An answer later than this counts as none. Milliseconds. */
const TIMEOUT_MS = 8_000;

/** What asking for a room gave. `locked`: it is private, and this browser was not let in. `failed`: no answer, or not
 * one we understand; asking again may help. */
export type RoomAnswer =
  // `owned`: whoever asks may see and change its settings.
  { kind: 'room'; room: Room; owned: boolean } | { kind: 'missing' } | { kind: 'locked' } | { kind: 'failed' };

async function get(path: string): Promise<Response> {
  return fetch(path, {
    signal: AbortSignal.timeout(TIMEOUT_MS),
    headers: { accept: 'application/json' },
  });
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
    if (response.status === 403) {
      return { kind: 'locked' };
    }
    const body: { record?: unknown } | null = response.ok ? await response.json() : null;
    const room = readRoom(body);
    // Only its owner and administrators are told whether it is recorded.
    return room ? { kind: 'room', room, owned: body?.record !== undefined } : { kind: 'failed' };
  } catch {
    return { kind: 'failed' };
  }
}
