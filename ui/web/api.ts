import { type Answer, ask } from '$lib/api/client';
import { type Room, readRoom } from '$lib/room/room';

/** What asking for a room gave. `locked`: it is private, and this browser was not let in. `failed`: no answer, or not
 * one we understand; asking again may help. */
export type RoomAnswer =
  // `owned`: whoever asks may see and change its settings; `moderated`: take away what others said.
  | { kind: 'room'; room: Room; owned: boolean; moderated: boolean }
  | { kind: 'missing' }
  | { kind: 'locked' }
  | { kind: 'failed' };

/** Which rooms a list holds: with all of the words, and the tag. */
export interface Wanted {
  search?: string;
  tag?: string;
  /** The archived ones of whoever asks. */
  archived?: boolean;
}

/** The public rooms; `null` when the origin did not answer. */
export async function listRooms(wanted: Wanted = {}): Promise<Room[] | null> {
  return rooms(await ask('GET', '/api/v1/rooms', { query: wanted }));
}

/** The rooms that whoever is signed in follows; `null` when the origin did not answer. */
export async function listFollowed(): Promise<Room[] | null> {
  return rooms(await ask('GET', '/api/v1/account/followed'));
}

function rooms(answer: Answer<{ rooms: unknown[] }>): Room[] | null {
  return answer.ok ? answer.value.rooms.map(readRoom).filter((room) => room !== null) : null;
}

/** The https address this origin can be reached at, with its port; `null` when there is none or no answer. */
export async function secureAddress(): Promise<string | null> {
  const answer = await ask('GET', '/api/v1/addresses');
  return answer.ok ? answer.value.https : null;
}

/** One room by its slug. */
export async function getRoom(slug: string): Promise<RoomAnswer> {
  const answer = await ask('GET', '/api/v1/rooms/{room}', { path: { room: slug } });
  if (!answer.ok) {
    // A slug that is no slug is a room that does not exist.
    const missing = answer.problem.status === 404 || answer.problem.status === 400;
    return { kind: missing ? 'missing' : answer.problem.status === 403 ? 'locked' : 'failed' };
  }
  const room = readRoom(answer.value);
  if (!room) {
    return { kind: 'failed' };
  }
  // Nobody in particular is told nothing about what they may do.
  const may = answer.value.may;
  return { kind: 'room', room, owned: may?.manage ?? false, moderated: may?.moderate ?? false };
}
