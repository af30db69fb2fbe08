import { randomId } from '../random_id';
import type { ChatEvents } from './events';
import { Floor } from './floor.svelte';
import type { Whom } from './floor_frames';
import type { ClientFrame, Deed, GiftFrame, Member, MessageFrame, NoticeCode, ServerFrame } from './frames';
import { Likes } from './likes';
import {
  codePoints,
  type Extras,
  giftLine,
  type Line,
  lineOf,
  MESSAGE_CODE_POINTS_MAX,
  type Pending,
  type Refusal,
  renamed,
  unanswered,
} from './lines';
import type { Transport } from './transport';

/** Lines kept on the page; the oldest leave first. More only slows the browser. */
export const LINES_MAX = 500;
/** Lines of a welcome's history: when there are so many, there may be older ones. */
export const HISTORY_LINES = 100;
/** Own messages that may wait for the connection. More is refused, with the text left in the box. */
export const PENDING_MAX = 20;
/** An own message without an answer for this long, while connected, counts as not sent. Milliseconds. */
export const ACK_TIMEOUT_MS = 10_000;

export type Connection = 'connecting' | 'open' | 'lost';

const NOTICE_CODES: readonly string[] = ['live', 'interrupted', 'offline'];

/** One room's chat: the log, the own messages on their way, and the state of the connection. */
export class Chat {
  /** In the order of sequence numbers, without repeats. */
  lines = $state<Line[]>([]);
  pending = $state<Pending[]>([]);
  connection = $state<Connection>('connecting');
  /** Who the origin says we are; `null` before the first welcome. */
  member = $state<Member | null>(null);
  /** A problem that belongs to no single message. */
  problem = $state<Refusal | null>(null);
  /** The line above the chat. */
  pinned = $state<MessageFrame | null>(null);
  /** Rules, polls, hands and whatever else stands. */
  readonly floor = new Floor();
  readonly isModerator = $derived(
    this.member?.roles.some((role) => role === 'owner' || role === 'admin' || role === 'moderator') ?? false,
  );
  readonly isHost = $derived(this.member?.roles.some((role) => role === 'owner' || role === 'admin') ?? false);
  /** Own gifts that the origin has booked since the page began. */
  given = $state(0);
  /** Whether there may be messages older than the first line. */
  hasEarlier = $state(false);
  /** Until when slow mode keeps us waiting, Unix milliseconds by this computer's clock. */
  slowUntil = $state(0);
  /** So far the origin's clock is ahead of this computer's, milliseconds: all other times are told by the origin's. */
  ahead_ms = $state(0);

  readonly #transport: Transport;
  readonly #likes: Likes;
  readonly #events: ChatEvents;
  readonly #newId: () => string;
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  /** Sequence numbers of acknowledged own messages whose line has not come yet. */
  readonly #acknowledged = new Map<number, string>();
  /** Deeds without an answer yet; after a lost connection they are asked for again, which is harmless. */
  readonly #deeds = new Map<string, Deed>();
  #epoch: string | null = null;
  /** Everything up to here is in the log: where `resume` goes on. */
  #seq = 0;
  /** The number in the last welcome: what is repeated lies at or below it, what is new above. */
  #joinedSeq = 0;
  /** New lines may overtake repeated ones; the highest of them, until the repeats are through. */
  #aheadSeq = 0;
  /** What the last welcome gave of the log. */
  #history: Line[] = [];
  /** Lines kept: more while somebody looks at older ones. */
  #kept = LINES_MAX;

  constructor(transport: Transport, events: ChatEvents = {}, newId: () => string = randomId) {
    this.#transport = transport;
    this.#likes = new Likes(transport);
    this.#events = events;
    this.#newId = newId;
  }

  start(): void {
    this.#transport.start({
      opened: () => this.#opened(),
      frame: (frame) => this.#receive(frame),
      closed: () => this.#closed(),
    });
  }

  stop(): void {
    this.#transport.stop();
    this.#clearTimers();
    this.connection = 'connecting';
  }

  /** Does something besides writing. `false`: there is no connection, and nothing was done. */
  perform(deed: Deed): boolean {
    const id = this.#newId();
    if (this.connection !== 'open' || !this.#transport.send({ ...deed, id } as ClientFrame)) {
      return false;
    }
    this.#deeds.set(id, deed);
    this.problem = null;
    return true;
  }

  /** Raises or lowers our hand. */
  raise(up: boolean): void {
    this.#transport.send({ type: 'hand', up });
  }

  /** Without a connection they count once it is back. */
  like(count: number): void {
    this.floor.likes += count;
    this.#likes.add(count);
  }

  /** Puts older messages, the oldest first, before the first line; `more`: there are older ones still. */
  prepend(messages: readonly MessageFrame[], more: boolean): void {
    const first = this.lines[0]?.seq ?? Number.POSITIVE_INFINITY;
    const older = messages.filter((message) => message.seq < first).map(lineOf);
    this.#kept += older.length;
    this.lines.unshift(...older);
    this.hasEarlier = more;
  }

  /** The reader is at the newest line again: older ones than are usually kept leave the page. */
  forgetEarlier(): void {
    this.#kept = LINES_MAX;
    this.#trim();
  }

  /** The line with this number, while it is on the page. */
  line(seq: number): Extract<Line, { kind: 'message' }> | null {
    const found = this.lines.find((line) => line.seq === seq);
    return found?.kind === 'message' ? found : null;
  }

  /**
   * Sends `text`, or keeps it until the connection is back.
   * `false`: nothing was taken, because it is empty, too long, or too much waits already.
   */
  send(text: string, extras: Extras = {}): boolean {
    const body = text.trim();
    if (body === '' || codePoints(body) > MESSAGE_CODE_POINTS_MAX || this.pending.length >= PENDING_MAX) {
      return false;
    }
    const id = this.#newId();
    const entry: Pending = {
      id,
      text: body,
      replyTo: extras.replyTo ?? null,
      danmaku: extras.danmaku ?? null,
      refusal: null,
      held: null,
    };
    this.pending.push(entry);
    this.problem = null;
    this.#transmit(entry);
    return true;
  }

  /** Sends a refused message again, under the same id: a repeat is harmless. */
  retry(id: string): void {
    const entry = this.pending.find((pending) => pending.id === id);
    if (entry) {
      entry.refusal = null;
      this.#transmit(entry);
    }
  }

  /** Forgets a message that was not sent. */
  discard(id: string): void {
    this.#settle(id);
  }

  #opened(): void {
    this.problem = null;
    // The log goes on where it was: the origin repeats what came since, or answers `reset`.
    if (this.#epoch !== null) {
      this.#transport.send({ type: 'resume', epoch: this.#epoch, seq: this.#seq });
    }
  }

  #closed(): void {
    this.connection = 'lost';
    this.#clearTimers();
  }

  #receive(frame: ServerFrame): void {
    switch (frame.type) {
      case 'welcome':
        this.#welcome(frame);
        break;
      case 'message':
        this.#message(frame);
        break;
      case 'gift':
        this.#gift(frame);
        break;
      case 'ack':
        this.#ack(frame.id, frame.seq, frame.held === true);
        break;
      case 'error':
        this.#refused(frame);
        break;
      case 'notice':
        this.#notice(frame.seq, frame.code);
        break;
      case 'deleted':
        this.#advance(frame.seq);
        this.#delete(frame.message, frame.by?.name ?? null);
        break;
      case 'restored':
        this.#advance(frame.seq);
        this.#restore(frame.message);
        break;
      case 'forgotten':
        this.#advance(frame.seq);
        this.#forget(frame.member);
        break;
      case 'pin':
        this.pinned = frame.message;
        break;
      case 'reset':
        // What lies between is gone, and what was taken away meanwhile is not told: the log begins with the welcome's.
        this.lines = [...this.#history, ...this.lines.filter((line) => line.seq > this.#joinedSeq)];
        this.hasEarlier = true;
        this.#seq = Math.max(this.#joinedSeq, frame.seq, this.#aheadSeq);
        break;
      case 'presence':
        this.#events.presence?.(frame.viewers, frame.members);
        break;
      case 'settled':
        this.#settled(frame.held, frame.id, frame.released);
        this.floor.receive(frame);
        break;
      default:
        this.floor.receive(frame);
    }
  }

  #welcome(frame: Extract<ServerFrame, { type: 'welcome' }>): void {
    if (frame.epoch !== this.#epoch) {
      this.lines = [];
      this.hasEarlier = frame.history.length >= HISTORY_LINES;
      this.#acknowledged.clear();
      this.#seq = 0;
    }
    const known = this.#epoch === frame.epoch;
    this.#epoch = frame.epoch;
    this.member = frame.member;
    this.connection = 'open';
    this.ahead_ms = frame.at ? frame.at - Date.now() : 0;
    this.#joinedSeq = frame.seq;
    this.#aheadSeq = 0;
    if (frame.floor) {
      this.floor.welcome(frame.floor);
    }
    this.floor.likes += this.#likes.waiting;
    this.#likes.send();
    this.pinned = frame.pinned ?? null;
    this.#history = frame.history.map((line) => (line.type === 'gift' ? giftLine(line, false) : lineOf(line)));
    for (const line of frame.history) {
      line.type === 'gift' ? this.#gift(line) : this.#insertMessage(line);
    }
    // On a first visit there is nothing to resume; later, `resume` repeats what lies between.
    if (!known) {
      this.#advance(frame.seq);
    }
    if (frame.room) {
      this.#events.room?.(frame.room);
    }
    // Also what waited for a moderator: what was decided meanwhile is the answer.
    for (const entry of this.pending.filter((pending) => pending.refusal === null)) {
      this.#transmit(entry);
    }
    for (const [id, deed] of this.#deeds) {
      this.#transport.send({ ...deed, id } as ClientFrame);
    }
  }

  #message(frame: MessageFrame): void {
    const isNew = frame.seq > this.#joinedSeq;
    this.#advance(frame.seq);
    this.#insertMessage(frame);
    if (isNew) {
      this.#events.said?.(frame);
    }
  }

  #insertMessage(frame: MessageFrame): void {
    this.#insert(lineOf(frame));
    const own = this.#acknowledged.get(frame.seq) ?? (frame.from.id === this.member?.id ? frame.id : null);
    if (own) {
      this.#acknowledged.delete(frame.seq);
      this.#settle(own);
    }
  }

  #gift(gift: GiftFrame): void {
    const isNew = gift.seq > this.#joinedSeq;
    this.#advance(isNew ? gift.seq : 0);
    this.#insert(giftLine(gift, isNew));
  }

  #ack(id: string, seq: number, held: boolean): void {
    const deed = this.#deeds.get(id);
    if (deed) {
      this.#deeds.delete(id);
      this.#done(deed);
      return;
    }
    if (held) {
      const entry = this.pending.find((pending) => pending.id === id);
      if (entry) {
        this.#clearTimer(id);
        entry.held = seq;
        entry.refusal = null;
      }
      return;
    }
    const sent = this.pending.find((pending) => pending.id === id);
    if (sent?.text.startsWith('/')) {
      // A command is done, and nobody says it.
      this.#settle(id);
      return;
    }
    this.#slowDown();
    if (seq < (this.lines[0]?.seq ?? 0) || this.lines.some((line) => line.seq === seq)) {
      this.#settle(id);
      return;
    }
    // The answer may come before the line; until then the message stays where it is, only unanswered no more.
    this.#acknowledged.set(seq, id);
    this.#clearTimer(id);
  }

  #done(deed: Deed): void {
    if (deed.type === 'vote') {
      this.floor.voted(deed.poll, deed.choices);
    } else if (deed.type === 'upvote') {
      this.floor.upvoted(deed.question);
    } else if (deed.type === 'gift') {
      this.given += 1;
    }
  }

  #settled(held: number, id: string, released: boolean): void {
    const entry = this.pending.find((pending) => pending.held === held || pending.id === id);
    if (entry && !released) {
      entry.held = null;
      entry.refusal = { code: 'rejected', message: '', retry_after_s: 0 };
    }
  }

  #slowDown(): void {
    const slow_s = this.floor.settings.slow_mode_s;
    if (slow_s > 0 && !this.isModerator) {
      this.slowUntil = Date.now() + slow_s * 1000;
    }
  }

  #refused(frame: Extract<ServerFrame, { type: 'error' }>): void {
    const refusal: Refusal = {
      code: frame.code,
      message: frame.message,
      retry_after_s: Math.ceil((frame.retry_after_ms ?? 0) / 1000),
    };
    if (frame.id !== null) {
      this.#deeds.delete(frame.id);
    }
    if (frame.code === 'slow_mode') {
      this.slowUntil = Date.now() + (frame.retry_after_ms ?? 0);
    }
    const entry = this.pending.find((pending) => pending.id === frame.id);
    if (entry) {
      this.#clearTimer(entry.id);
      entry.refusal = refusal;
      entry.held = null;
    } else {
      this.problem = refusal;
    }
  }

  #notice(seq: number, code: string): void {
    // A repeated notice is history: the welcome said how the room is now.
    const isNew = seq > this.#joinedSeq && !this.lines.some((line) => line.seq === seq);
    this.#advance(seq);
    if (!NOTICE_CODES.includes(code)) {
      return;
    }
    this.#insert({ kind: 'notice', key: `n${seq}`, seq, code: code as NoticeCode });
    if (isNew) {
      this.#events.notice?.(code as NoticeCode);
    }
  }

  #delete(seq: number, by: string | null): void {
    const line = this.line(seq);
    if (line) {
      line.deleted = true;
      line.deletedBy = by;
      line.text = '';
    }
  }

  /** Somebody's account is gone: what they said stays, under the name that the origin gives them now. */
  #forget(member: Whom): void {
    this.lines = this.lines.map((line) => renamed(line, member));
    if (this.pinned?.from.id === member.id) {
      this.pinned = { ...this.pinned, from: { ...member, roles: [] } };
    }
    this.floor.forget(member);
  }

  #restore(frame: MessageFrame): void {
    const line = this.line(frame.seq);
    if (line) {
      line.deleted = false;
      line.deletedBy = null;
      line.text = frame.text;
    } else if (frame.seq >= (this.lines[0]?.seq ?? 0)) {
      this.#insertMessage(frame);
    }
  }

  #insert(line: Line): void {
    // Nearly always the newest; after a resume it may belong further up.
    let at = this.lines.length;
    while (at > 0 && (this.lines[at - 1]?.seq ?? 0) > line.seq) {
      at -= 1;
    }
    if (this.lines[at - 1]?.seq === line.seq) {
      return;
    }
    this.lines.splice(at, 0, line);
    this.#trim();
  }

  #trim(): void {
    if (this.lines.length > this.#kept) {
      this.lines.splice(0, this.lines.length - this.#kept);
      this.hasEarlier = true;
    }
  }

  #advance(seq: number): void {
    if (seq > this.#joinedSeq && this.#seq < this.#joinedSeq) {
      this.#aheadSeq = Math.max(this.#aheadSeq, seq);
      return;
    }
    this.#seq = Math.max(this.#seq, seq);
    if (this.#seq >= this.#joinedSeq) {
      this.#seq = Math.max(this.#seq, this.#aheadSeq);
    }
  }

  #transmit({ id, text, replyTo, danmaku }: Pending): void {
    this.#clearTimer(id);
    const frame: ClientFrame = {
      type: 'send',
      id,
      text,
      ...(replyTo === null ? {} : { reply_to: replyTo }),
      ...(danmaku === null ? {} : { danmaku }),
    };
    if (this.connection !== 'open' || !this.#transport.send(frame)) {
      return;
    }
    const timer = setTimeout(() => this.#refused(unanswered(id)), ACK_TIMEOUT_MS);
    this.#timers.set(id, timer);
  }

  #settle(id: string): void {
    this.#clearTimer(id);
    this.pending = this.pending.filter((entry) => entry.id !== id);
  }

  #clearTimer(id: string): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }

  #clearTimers(): void {
    for (const id of [...this.#timers.keys()]) {
      this.#clearTimer(id);
    }
  }
}
