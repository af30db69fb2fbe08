// The chat's wire format: JSON text, one object each. What the page does not know it passes over, so a newer
// origin can add frames.
import { type Room, readRoom } from '../room/room';
import {
  count,
  type Fields,
  type FloorState,
  fieldsOf,
  type Hand,
  type Held,
  type Poll,
  type Question,
  type Rules,
  readFloor,
  readHands,
  readHeld,
  readPoll,
  readQuestion,
  readRules,
  readSanction,
  readWhom,
  type Sanction,
  text,
  type Whom,
} from './floor_frames';

/** Somebody in the room. */
export interface Member {
  id: string;
  name: string;
  /** For example `owner`, `moderator`, `guest`; empty for an ordinary viewer. */
  roles: string[];
}

/** How a message flies over the picture. */
export interface Danmaku {
  /** `#rrggbb`. */
  color: string;
  position: 'scroll' | 'top' | 'bottom';
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
  /** The line it answers. */
  reply_to?: number | null;
  danmaku?: Danmaku | null;
  /** Where in a recording it is a comment, milliseconds from the beginning. */
  on_ms?: number | null;
  /** Name of who took it away. */
  deleted_by?: string | null;
}

/** Somebody gave somebody a gift. */
export interface GiftFrame {
  type: 'gift';
  seq: number;
  from: Whom;
  to: Whom;
  /** Its id in the catalogue. */
  gift: string;
  name: string;
  name_zh: string | null;
  emoji: string;
  count: number;
  points: number;
}

/** State changes of the broadcast, told in the chat. */
export type NoticeCode = 'live' | 'interrupted' | 'offline';

/** Frames that change what stands, not the log. */
export type FloorFrame =
  | { type: 'held'; message: Held }
  | { type: 'settled'; held: number; id: string; released: boolean }
  | { type: 'sanction'; seq: number; member: Whom; sanction: Sanction | null; by: Whom }
  | { type: 'standing'; sanction: Sanction | null }
  | { type: 'settings'; seq: number; settings: Rules }
  | { type: 'poll'; seq: number; poll: Poll }
  | { type: 'hand'; seq: number; queue: Hand[] }
  | { type: 'place'; place: number | null; called: boolean }
  | { type: 'question'; seq: number; question: Question }
  | { type: 'likes'; total: number };

export type ServerFrame =
  | {
      type: 'welcome';
      epoch: string;
      seq: number;
      /** Now, Unix milliseconds by the origin's clock; `null` when an older one does not say it. */
      at?: number | null;
      member: Member;
      room: Room | null;
      history: (MessageFrame | GiftFrame)[];
      floor?: FloorState;
      pinned?: MessageFrame | null;
    }
  | MessageFrame
  | GiftFrame
  | FloorFrame
  | { type: 'ack'; id: string; seq: number; held?: boolean }
  | { type: 'error'; id: string | null; code: string; message: string; retry_after_ms: number | null }
  | { type: 'notice'; seq: number; code: string; at: number | null }
  | { type: 'deleted'; seq: number; message: number; by?: Whom | null }
  | { type: 'restored'; seq: number; message: MessageFrame }
  | { type: 'forgotten'; seq: number; member: Whom }
  | { type: 'pin'; seq: number; message: MessageFrame | null }
  | { type: 'reset'; seq: number }
  | { type: 'presence'; viewers: number; members: number };

/** What a member does besides writing; each gets an id of its own on the way. */
export type Deed =
  | { type: 'delete'; message: number }
  | { type: 'restore'; message: number }
  | { type: 'release'; held: number }
  | { type: 'reject'; held: number }
  | { type: 'timeout'; member: string; seconds: number; reason?: string }
  | { type: 'ban'; member: string; reason?: string }
  | { type: 'lift'; member: string }
  | { type: 'pin'; message: number | null }
  | ({ type: 'settings' } & Partial<Rules>)
  | { type: 'poll'; question: string; options: string[]; multiple?: boolean; seconds?: number; right?: number[] }
  | { type: 'close'; poll: number }
  | { type: 'vote'; poll: number; choices: number[] }
  | { type: 'call'; member: string }
  | { type: 'lower'; member: string | null }
  | { type: 'ask'; text: string }
  | { type: 'gift'; gift: string; count: number; to?: string }
  | { type: 'upvote'; question: number }
  | { type: 'answer'; question: number };

export type ClientFrame =
  | { type: 'send'; id: string; text: string; reply_to?: number; danmaku?: Danmaku }
  | { type: 'resume'; epoch: string; seq: number }
  | { type: 'like'; count: number }
  | { type: 'hand'; up: boolean }
  | (Deed & { id: string });

/** A time on the wire is Unix milliseconds or RFC 3339. */
function readTime(value: unknown): number | null {
  if (typeof value !== 'string') {
    return count(value);
  }
  const at = Date.parse(value);
  return Number.isNaN(at) ? null : at;
}

function readMember(value: unknown): Member | null {
  const whom = readWhom(value);
  const { roles } = fieldsOf(value);
  return whom && { ...whom, roles: Array.isArray(roles) ? roles.filter((role) => typeof role === 'string') : [] };
}

const POSITIONS: readonly unknown[] = ['scroll', 'top', 'bottom'];

function readDanmaku(value: unknown): Danmaku | null {
  const { color, position } = fieldsOf(value);
  if (typeof color !== 'string' || !/^#[0-9a-f]{6}$/.test(color) || !POSITIONS.includes(position)) {
    return null;
  }
  return { color, position: position as Danmaku['position'] };
}

function readMessage(value: unknown): MessageFrame | null {
  const fields = fieldsOf(value);
  const seq = count(fields.seq);
  const from = readMember(fields.from);
  const body = text(fields.text);
  if (seq === null || from === null || body === null) {
    return null;
  }
  return {
    type: 'message',
    seq,
    id: text(fields.id),
    from,
    text: body,
    at: readTime(fields.at) ?? 0,
    reply_to: count(fields.reply_to),
    danmaku: readDanmaku(fields.danmaku),
    on_ms: count(fieldsOf(fields.on).offset_ms),
    deleted_by: text(fields.deleted_by),
  };
}

/** Messages in an answer of the API; what is none is left out. */
export function readMessages(values: readonly unknown[]): MessageFrame[] {
  return values.map(readMessage).filter((message) => message !== null);
}

function readGift(value: unknown): GiftFrame | null {
  const fields = fieldsOf(value);
  const [seq, from, to] = [count(fields.seq), readWhom(fields.from), readWhom(fields.to)];
  const [gift, emoji] = [text(fields.gift), text(fields.emoji)];
  if (seq === null || from === null || to === null || gift === null || emoji === null) {
    return null;
  }
  return {
    type: 'gift',
    seq,
    from,
    to,
    gift,
    name: text(fields.name) ?? gift,
    name_zh: text(fields.name_zh),
    emoji,
    count: count(fields.count) ?? 1,
    points: count(fields.points) ?? 0,
  };
}

function readLine(value: unknown): MessageFrame | GiftFrame | null {
  return fieldsOf(value).type === 'gift' ? readGift(value) : readMessage(value);
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
    at: count(fields.at),
    member,
    room: readRoom(fields.room),
    history: history.map(readLine).filter((entry) => entry !== null),
    floor: readFloor(fields.floor),
    pinned: readMessage(fieldsOf(fields.floor).pinned),
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
    case 'gift':
      return readGift(fields);
    case 'ack':
      return id === null || seq === null ? null : { type: 'ack', id, seq, held: fields.held === true };
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
      return seq === null || message === null ? null : { type: 'deleted', seq, message, by: readWhom(fields.by) };
    }
    case 'restored': {
      const message = readMessage(fields.message);
      return seq === null || message === null ? null : { type: 'restored', seq, message };
    }
    case 'forgotten': {
      const member = readWhom(fields.member);
      return seq === null || member === null ? null : { type: 'forgotten', seq, member };
    }
    case 'pin':
      return seq === null ? null : { type: 'pin', seq, message: readMessage(fields.message) };
    case 'reset':
      return seq === null ? null : { type: 'reset', seq };
    case 'presence':
      return { type: 'presence', viewers: count(fields.viewers) ?? 0, members: count(fields.members) ?? 0 };
    default:
      return readFloorFrame(fields, seq ?? 0);
  }
}

function readFloorFrame(fields: Fields, seq: number): FloorFrame | null {
  switch (fields.type) {
    case 'held': {
      const message = readHeld(fields.message);
      return message && { type: 'held', message };
    }
    case 'settled': {
      const held = count(fields.held);
      return held === null
        ? null
        : { type: 'settled', held, id: text(fields.id) ?? '', released: fields.released === true };
    }
    case 'sanction': {
      const [member, by] = [readWhom(fields.member), readWhom(fields.by)];
      return member && by && { type: 'sanction', seq, member, sanction: readSanction(fields.sanction), by };
    }
    case 'standing':
      return { type: 'standing', sanction: readSanction(fields.sanction) };
    case 'settings':
      return { type: 'settings', seq, settings: readRules(fields.settings) };
    case 'poll':
    case 'quiz': {
      const poll = readPoll(fields.poll ?? fields.quiz);
      return poll && { type: 'poll', seq, poll };
    }
    case 'hand':
      return { type: 'hand', seq, queue: readHands(fields.queue) };
    case 'place':
      return { type: 'place', place: count(fields.place), called: fields.called === true };
    case 'question': {
      const question = readQuestion(fields.question);
      return question && { type: 'question', seq, question };
    }
    case 'likes':
      return { type: 'likes', total: count(fields.total) ?? 0 };
    default:
      return null;
  }
}
