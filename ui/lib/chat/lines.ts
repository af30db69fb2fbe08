// What a chat's page shows: lines with their place in the log, and own messages that have none yet.

import type { Whom } from './floor_frames';
import type { Danmaku, GiftFrame, Member, MessageFrame, NoticeCode, ServerFrame } from './frames';

/** Longest message, in Unicode code points: the origin's limit. */
export const MESSAGE_CODE_POINTS_MAX = 500;

/** Length in code points, the unit of the origin's limit. */
export function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) {
    count += 1;
  }
  return count;
}

/** A line of the log that has its place: it carries the room's sequence number. */
export type Line =
  | {
      kind: 'message';
      key: string;
      seq: number;
      from: Member;
      text: string;
      at: number;
      replyTo: number | null;
      /** Where in a recording it is a comment, milliseconds. */
      on_ms: number | null;
      deleted: boolean;
      /** Name of who took it away, when the origin said it. */
      deletedBy: string | null;
    }
  | { kind: 'gift'; key: string; seq: number; gift: GiftFrame; isNew: boolean }
  | { kind: 'notice'; key: string; seq: number; code: NoticeCode };

/** Why a message was not sent; `message` is the origin's own sentence, for codes the page has no words for. */
export interface Refusal {
  code: string;
  message: string;
  /** Seconds until it may be tried again; 0 when the origin named no time. */
  retry_after_s: number;
}

/** An own message that has no sequence number yet. */
export interface Pending {
  id: string;
  text: string;
  replyTo: number | null;
  danmaku: Danmaku | null;
  refusal: Refusal | null;
  /** It waits for a moderator; with its number there. */
  held: number | null;
}

/** What a message can have besides its text. */
export interface Extras {
  replyTo?: number | null;
  danmaku?: Danmaku | null;
}

/** A message as a line. */
export function lineOf(frame: MessageFrame): Extract<Line, { kind: 'message' }> {
  return {
    kind: 'message',
    key: `m${frame.seq}`,
    seq: frame.seq,
    from: frame.from,
    text: frame.text,
    at: frame.at,
    replyTo: frame.reply_to ?? null,
    on_ms: frame.on_ms ?? null,
    deleted: typeof frame.deleted_by === 'string',
    deletedBy: frame.deleted_by ?? null,
  };
}

/** A gift as a line; `isNew` when it came just now. */
export function giftLine(gift: GiftFrame, isNew: boolean): Extract<Line, { kind: 'gift' }> {
  return { kind: 'gift', key: `g${gift.seq}`, seq: gift.seq, gift, isNew };
}

/** What a message that nobody answered is refused with. */
export function unanswered(id: string): Extract<ServerFrame, { type: 'error' }> {
  return { type: 'error', id, code: 'no_answer', message: '', retry_after_ms: null };
}

/** The line as it is once a member is called something else, and has no roles any more. */
export function renamed(line: Line, member: Whom): Line {
  if (line.kind === 'message' && line.from.id === member.id) {
    return { ...line, from: { ...member, roles: [] } };
  }
  if (line.kind === 'gift') {
    const now = (whom: Whom) => (whom.id === member.id ? member : whom);
    return { ...line, gift: { ...line.gift, from: now(line.gift.from), to: now(line.gift.to) } };
  }
  return line;
}
