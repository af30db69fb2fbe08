/** The page an address names. */
export type Route =
  | { page: 'home' }
  | { page: 'watch'; room: string }
  | { page: 'embed'; room: string }
  | { page: 'broadcast' | 'files' | 'settings'; room: string }
  | { page: 'replay'; room: string; id: string }
  | { page: 'signin' | 'register' | 'forgot' | 'reset' | 'confirm' | 'setup' | 'account' | 'rooms' | 'admin' }
  | { page: 'missing' };

/** Reads a path such as `/r/demo`. */
export function readRoute(path: string): Route {
  const parts = path.split('/').filter((part) => part !== '');
  if (parts.length === 0) {
    return { page: 'home' };
  }
  const [first, room, ...rest] = parts;
  if (room === undefined && isPlain(first)) {
    return { page: first };
  }
  if (first === 'embed' && room !== undefined && rest.length === 0) {
    return { page: 'embed', room: decodeSlug(room) };
  }
  if (first === 'r' && room !== undefined && rest.length === 0) {
    return { page: 'watch', room: decodeSlug(room) };
  }
  const named = ROOM_PAGES.find((page) => page === rest[0]);
  if (first === 'r' && room !== undefined && rest.length === 1 && named !== undefined) {
    return { page: named, room: decodeSlug(room) };
  }
  const [replay, id, ...more] = rest;
  if (first === 'r' && room !== undefined && replay === 'replay' && id !== undefined && more.length === 0) {
    return { page: 'replay', room: decodeSlug(room), id: decodeSlug(id) };
  }
  return { page: 'missing' };
}

/** The pages of a room whose address ends with their name. */
const ROOM_PAGES = ['broadcast', 'files', 'settings'] as const;

/** The pages whose address is their name. */
const PLAIN = ['signin', 'register', 'forgot', 'reset', 'confirm', 'setup', 'account', 'rooms', 'admin'] as const;

function isPlain(name: string | undefined): name is (typeof PLAIN)[number] {
  return PLAIN.some((plain) => plain === name);
}

function decodeSlug(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
