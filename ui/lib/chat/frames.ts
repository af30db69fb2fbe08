// The chat's wire format: JSON text, one object each. What the page does not know it passes over, so a newer
// origin can add frames.
import { type Room, readRoom } from '../room/room';

/** Somebody in the room. */
export interface Member {
  id: string;
  name: string;
  /** For example `owner`, `moderator`, `guest`; empty for an ordinary viewer. */
  roles: string[];
}

export interface MessageFrame {
  type: 'message';
  seq: number;
  /** The sender's own id of the message, when the origin repeats it. */
  id: string | null;
  from: Member;
  text: string;
  /** Unix time, milliseconds, the origin's clock. */
  at: number;
}

/** State changes of the broadcast, told in the chat. */
export type NoticeCode = 'live' | 'interrupted' | 'offline';

export type ServerFrame =
  | { type: 'welcome'; epoch: string; seq: number; member: Member; room: Room | null; history: MessageFrame[] }
  | MessageFrame
  | { type: 'ack'; id: string; seq: number }
  | { type: 'error'; id: string | null; code: string; message: string; retry_after_ms: number | null }
  | { type: 'notice'; seq: number; code: string; at: number | null }
  | { type: 'deleted'; seq: number; message: number }
  | { type: 'reset'; seq: number }
  | { type: 'presence'; viewers: number; members: number };

export type ClientFrame = { type: 'send'; id: string; text: string } | { type: 'resume'; epoch: string; seq: number };

type Fields = Record<string, unknown>;

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const count = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null;

/** A time on the wire is Unix milliseconds or RFC 3339. */
function readTime(value: unknown): number | null {
  if (typeof value !== 'string') {
    return count(value);
  }
  const at = Date.parse(value);
  return Number.isNaN(at) ? null : at;
}

function readMember(value: unknown): Member | null {
  if (typeof value !== 'object' || value === null) {
    return null;
  }
  const { id, name, roles } = value as Fields;
  if (typeof id !== 'string' || typeof name !== 'string') {
    return null;
  }
  return { id, name, roles: Array.isArray(roles) ? roles.filter((role) => typeof role === 'string') : [] };
}

function readMessage(fields: Fields): MessageFrame | null {
  const seq = count(fields.seq);
  const from = readMember(fields.from);
  const body = text(fields.text);
  if (seq === null || from === null || body === null) {
    return null;
  }
  return { type: 'message', seq, id: text(fields.id), from, text: body, at: readTime(fields.at) ?? 0 };
}

function readWelcome(fields: Fields): ServerFrame | null {
  const seq = count(fields.seq);
  const epoch = text(fields.epoch);
  const member = readMember(fields.member);
  if (seq === null || epoch === null || member === null) {
    return null;
  }
  const history = Array.isArray(fields.history) ? fields.history : [];
  return {
    type: 'welcome',
    epoch,
    seq,
    member,
    room: readRoom(fields.room),
    history: history.map((entry) => readMessage(entry as Fields)).filter((entry) => entry !== null),
  };
}

/** Reads one frame from the origin; `null` when it is not one this page knows. */
export function readFrame(json: string): ServerFrame | null {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return null;
  }
  return typeof value === 'object' && value !== null ? readFields(value as Fields) : null;
}

function readFields(fields: Fields): ServerFrame | null {
  const seq = count(fields.seq);
  const id = text(fields.id);
  switch (fields.type) {
    case 'welcome':
      return readWelcome(fields);
    case 'message':
      return readMessage(fields);
    case 'ack':
      return id === null || seq === null ? null : { type: 'ack', id, seq };
    case 'error':
      return {
        type: 'error',
        id,
        code: text(fields.code) ?? 'unknown',
        message: text(fields.message) ?? '',
        retry_after_ms: count(fields.retry_after_ms),
      };
    case 'notice': {
      const code = text(fields.code);
      return seq === null || code === null ? null : { type: 'notice', seq, code, at: readTime(fields.at) };
    }
    case 'deleted': {
      const message = count(fields.message);
      return seq === null || message === null ? null : { type: 'deleted', seq, message };
    }
    case 'reset':
      return seq === null ? null : { type: 'reset', seq };
    case 'presence':
      return { type: 'presence', viewers: count(fields.viewers) ?? 0, members: count(fields.members) ?? 0 };
    default:
      return null;
  }
}
