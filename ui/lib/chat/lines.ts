// What a chat's page shows: lines with their place in the log, and own messages that have none yet.

import type { Danmaku, GiftFrame, Member, NoticeCode } from './frames';

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
