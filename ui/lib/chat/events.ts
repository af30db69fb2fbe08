import type { Room } from '../room/room';
import type { MessageFrame, NoticeCode } from './frames';

/** What a chat tells its page besides the log. */
export interface ChatEvents {
  /** The room as `welcome` gave it. */
  room?: (room: Room) => void;
  /** The broadcast changed state. Told only for new notices, not for history. */
  notice?: (code: NoticeCode) => void;
  presence?: (viewers: number, members: number) => void;
  /** Somebody said something just now; not told for history. */
  said?: (message: MessageFrame) => void;
}
