import { flushSync } from 'svelte';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { setLanguage } from '../i18n/i18n.svelte';
import { ACK_TIMEOUT_MS, Chat, LINES_MAX, PENDING_MAX } from './chat.svelte';
import { readFloor } from './floor_frames';
import type { ClientFrame, MessageFrame, ServerFrame } from './frames';
import { shownName } from './shown_name';
import type { Transport, TransportListener } from './transport';

/** A connection in the hands of the test. */
class Wire implements Transport {
  sent: ClientFrame[] = [];
  up = false;
  #listener: TransportListener | null = null;

  start(listener: TransportListener): void {
    this.#listener = listener;
  }
  send(frame: ClientFrame): boolean {
    if (this.up) {
      this.sent.push(frame);
    }
    return this.up;
  }
  stop(): void {
    this.#listener = null;
  }
  open(): void {
    this.up = true;
    this.#listener?.opened();
  }
  drop(): void {
    this.up = false;
    this.#listener?.closed();
  }
  say(...frames: ServerFrame[]): void {
    for (const frame of frames) {
      this.#listener?.frame(frame);
    }
  }
}

const ada = { id: 'ada', name: 'Ada', roles: [] };
const ben = { id: 'ben', name: 'Ben', roles: ['owner'] };

function welcome(seq: number, history: MessageFrame[] = [], epoch = 'e1'): ServerFrame {
  return { type: 'welcome', epoch, seq, member: ada, room: null, history };
}
function message(seq: number, text: string, from = ben): MessageFrame {
  return { type: 'message', seq, id: null, from, text, at: 0 };
}

let wire: Wire;
let chat: Chat;
let ids: number;

beforeEach(() => {
  vi.useFakeTimers();
  wire = new Wire();
  ids = 0;
  chat = new Chat(wire, {}, () => `c${++ids}`);
  chat.start();
});

const texts = (): string[] =>
  chat.lines.map((line) =>
    line.kind === 'message' ? line.text : `(${line.kind === 'gift' ? line.gift.emoji : line.code})`,
  );
const sends = (): ClientFrame[] => wire.sent.filter((frame) => frame.type === 'send');

describe('sending', () => {
  test('a message is pending until its line is in the log', () => {
    wire.open();
    wire.say(welcome(0));
    expect(chat.send(' hi ')).toBe(true);
    expect(wire.sent).toEqual([{ type: 'send', id: 'c1', text: 'hi' }]);
    expect(chat.pending).toHaveLength(1);
    wire.say({ type: 'ack', id: 'c1', seq: 1 });
    expect(chat.pending).toHaveLength(1);
    wire.say(message(1, 'hi', ada));
    expect(chat.pending).toHaveLength(0);
    expect(texts()).toEqual(['hi']);
  });

  test('the line may come before its acknowledgement', () => {
    wire.open();
    wire.say(welcome(0));
    chat.send('hi');
    wire.say(message(1, 'hi', ada), { type: 'ack', id: 'c1', seq: 1 });
    expect(chat.pending).toHaveLength(0);
    expect(texts()).toEqual(['hi']);
  });

  test('what is written without a connection is sent once it is back, in order', () => {
    wire.open();
    wire.say(welcome(0));
    wire.drop();
    chat.send('one');
    chat.send('two');
    expect(sends()).toHaveLength(0);
    wire.open();
    wire.say(welcome(0));
    expect(sends()).toEqual([
      { type: 'send', id: 'c1', text: 'one' },
      { type: 'send', id: 'c2', text: 'two' },
    ]);
  });

  test('an unanswered message is repeated under the same id after a reconnect', () => {
    wire.open();
    wire.say(welcome(0));
    chat.send('hi');
    wire.drop();
    wire.open();
    wire.say(welcome(1));
    expect(sends().map((frame) => frame.type === 'send' && frame.id)).toEqual(['c1', 'c1']);
  });

  test('what waited for a moderator is asked for again, and answered with what was decided meanwhile', () => {
    wire.open();
    wire.say(welcome(0));
    chat.send('one');
    chat.send('two');
    wire.say({ type: 'ack', id: 'c1', seq: 1, held: true }, { type: 'ack', id: 'c2', seq: 2, held: true });
    wire.drop();
    wire.open();
    wire.say(welcome(4, [message(4, 'two', ada)]));
    expect(sends().map((frame) => frame.type === 'send' && frame.id)).toEqual(['c1', 'c2', 'c1', 'c2']);
    wire.say({ type: 'error', id: 'c1', code: 'rejected', message: 'no', retry_after_ms: null });
    wire.say({ type: 'ack', id: 'c2', seq: 4 });
    expect(chat.pending.map((entry) => [entry.text, entry.held, entry.refusal?.code])).toEqual([
      ['one', null, 'rejected'],
    ]);
    expect(chat.problem).toBeNull();
  });

  test('likes without a connection count once it is back', () => {
    wire.open();
    wire.say({ ...welcome(0), floor: { ...readFloor(null), likes: 7 } } as ServerFrame);
    chat.like(2);
    expect(wire.sent.at(-1)).toEqual({ type: 'like', count: 2 });
    wire.drop();
    chat.like(3);
    chat.like(1);
    expect(chat.floor.likes).toBe(13);
    wire.open();
    wire.say({ ...welcome(0), floor: { ...readFloor(null), likes: 9 } } as ServerFrame);
    expect(wire.sent.filter((frame) => frame.type === 'like').map((frame) => frame.count)).toEqual([2, 4]);
    expect(chat.floor.likes).toBe(13);
  });

  test('a welcome tells how far the clocks are apart', () => {
    vi.setSystemTime(1_000_000);
    wire.open();
    wire.say({ ...welcome(0), at: 1_090_000 } as ServerFrame);
    expect(chat.ahead_ms).toBe(90_000);
    wire.say(welcome(0));
    expect(chat.ahead_ms).toBe(0);
  });

  test('a refusal stays at its message, with the wait rounded up to seconds', () => {
    wire.open();
    wire.say(welcome(0));
    chat.send('hi');
    wire.say({ type: 'error', id: 'c1', code: 'rate_limited', message: 'slow down', retry_after_ms: 1200 });
    expect(chat.pending[0]?.refusal).toEqual({ code: 'rate_limited', message: 'slow down', retry_after_s: 2 });
    chat.retry('c1');
    expect(chat.pending[0]?.refusal).toBeNull();
    expect(sends()).toHaveLength(2);
    chat.discard('c1');
    expect(chat.pending).toHaveLength(0);
  });

  test('silence counts as not sent after the limit, and not before', () => {
    wire.open();
    wire.say(welcome(0));
    chat.send('hi');
    vi.advanceTimersByTime(ACK_TIMEOUT_MS - 1);
    expect(chat.pending[0]?.refusal).toBeNull();
    vi.advanceTimersByTime(1);
    expect(chat.pending[0]?.refusal?.code).toBe('no_answer');
  });

  test('an empty, too long or surplus message is not taken', () => {
    expect(chat.send('   ')).toBe(false);
    expect(chat.send('x'.repeat(501))).toBe(false);
    // Each of these is one code point and two UTF-16 units.
    expect(chat.send('👀'.repeat(500))).toBe(true);
    for (let n = 1; n < PENDING_MAX; n += 1) {
      expect(chat.send(`m${n}`)).toBe(true);
    }
    expect(chat.send('one more')).toBe(false);
  });

  test('an error without a message of ours is a problem of the chat', () => {
    wire.open();
    wire.say(welcome(0), { type: 'error', id: null, code: 'name_refused', message: '', retry_after_ms: null });
    expect(chat.problem?.code).toBe('name_refused');
  });
});

describe('coming back', () => {
  test('the log is resumed from the last number seen', () => {
    wire.open();
    wire.say(welcome(2, [message(1, 'a'), message(2, 'b')]), message(3, 'c'));
    expect(wire.sent).toEqual([]);
    wire.drop();
    expect(chat.connection).toBe('lost');
    wire.open();
    expect(wire.sent).toEqual([{ type: 'resume', epoch: 'e1', seq: 3 }]);
  });

  test('history and repeats do not double a line, and gaps are filled in order', () => {
    wire.open();
    wire.say(welcome(1, [message(1, 'a')]));
    wire.drop();
    wire.open();
    wire.say(welcome(4, [message(1, 'a'), message(4, 'd')]));
    wire.say(message(2, 'b'), { type: 'notice', seq: 3, code: 'live', at: null }, message(4, 'd'), message(5, 'e'));
    expect(texts()).toEqual(['a', 'b', '(live)', 'd', 'e']);
  });

  test('a second loss before the repeats asks again from the same place', () => {
    wire.open();
    wire.say(welcome(1, [message(1, 'a')]));
    wire.drop();
    wire.open();
    wire.say(welcome(4, [message(4, 'd')]));
    wire.drop();
    wire.open();
    expect(wire.sent.at(-1)).toEqual({ type: 'resume', epoch: 'e1', seq: 1 });
  });

  test('a new line that overtakes the repeats does not hide a gap', () => {
    wire.open();
    wire.say(welcome(1, [message(1, 'a')]));
    wire.drop();
    wire.open();
    wire.say(welcome(3), message(4, 'd'), message(2, 'b'));
    wire.drop();
    wire.open();
    expect(wire.sent.at(-1)).toEqual({ type: 'resume', epoch: 'e1', seq: 2 });
    wire.say(welcome(4), message(3, 'c'), message(4, 'd'));
    wire.drop();
    wire.open();
    expect(wire.sent.at(-1)).toEqual({ type: 'resume', epoch: 'e1', seq: 4 });
    expect(texts()).toEqual(['a', 'b', 'c', 'd']);
  });

  test('a new epoch starts the log anew', () => {
    wire.open();
    wire.say(welcome(9, [message(9, 'old')]));
    wire.drop();
    wire.open();
    wire.say(welcome(1, [message(1, 'new')], 'e2'));
    expect(texts()).toEqual(['new']);
    wire.drop();
    wire.open();
    expect(wire.sent.at(-1)).toEqual({ type: 'resume', epoch: 'e2', seq: 1 });
  });

  test('after a reset the log begins with the history and goes on from the number it names', () => {
    wire.open();
    wire.say(welcome(3, [message(1, 'a'), message(3, 'taken away meanwhile')]));
    wire.drop();
    wire.open();
    wire.say(welcome(900, [message(1, 'a'), message(900, 'z')]), message(901, 'new'), { type: 'reset', seq: 900 });
    expect([texts(), chat.hasEarlier]).toEqual([['a', 'z', 'new'], true]);
    wire.drop();
    wire.open();
    expect(wire.sent.at(-1)).toEqual({ type: 'resume', epoch: 'e1', seq: 901 });
  });
});

describe('the log', () => {
  test('a deleted message keeps its place and loses its text', () => {
    wire.open();
    wire.say(welcome(1, [message(1, 'spam')]), { type: 'deleted', seq: 2, message: 1 });
    expect(chat.lines[0]).toMatchObject({ kind: 'message', deleted: true, text: '' });
  });

  test('the oldest lines leave when there are too many', () => {
    wire.open();
    wire.say(welcome(0));
    for (let seq = 1; seq <= LINES_MAX + 10; seq += 1) {
      wire.say(message(seq, `m${seq}`));
    }
    expect(chat.lines).toHaveLength(LINES_MAX);
    expect(texts()[0]).toBe('m11');
  });

  test('a new notice is told, a repeated one only stands in the log', () => {
    const told: string[] = [];
    chat = new Chat(wire, { notice: (code) => told.push(code) });
    chat.start();
    wire.open();
    wire.say(welcome(0), { type: 'notice', seq: 1, code: 'live', at: null });
    wire.drop();
    wire.open();
    // Missed while away: it belongs into the log, but the welcome already said how the room is now.
    wire.say(welcome(2), { type: 'notice', seq: 2, code: 'offline', at: null });
    wire.say({ type: 'notice', seq: 3, code: 'slow_mode_of_a_later_version', at: null });
    wire.say({ type: 'notice', seq: 4, code: 'live', at: null });
    flushSync();
    expect(told).toEqual(['live', 'live']);
    expect(texts()).toEqual(['(live)', '(offline)', '(live)']);
  });
});

describe('an account that is deleted', () => {
  test('leaves its lines under the name that the origin gives it, and its roles go', () => {
    wire.open();
    wire.say(welcome(2, [message(1, 'mine', ada), message(2, 'theirs')]));
    wire.say({ type: 'pin', seq: 3, message: message(2, 'theirs') });
    wire.say({ type: 'forgotten', seq: 4, member: { id: 'ben', name: 'deleted user' } });
    const from = chat.lines.map((line) => (line.kind === 'message' ? [line.from.name, line.from.roles.length] : []));
    expect(from).toEqual([
      ['Ada', 0],
      ['deleted user', 0],
    ]);
    expect(chat.pinned?.from.name).toBe('deleted user');
    wire.drop();
    wire.open();
    expect(wire.sent.at(-1)).toEqual({ type: 'resume', epoch: 'e1', seq: 4 });
  });

  test('is called gone in the language of the reader', () => {
    setLanguage('zh-CN');
    expect(shownName({ name: 'deleted user' })).toBe('已注销的用户');
    setLanguage('en');
    expect(shownName({ name: 'deleted user' })).toBe('deleted user');
    expect(shownName({ name: 'Ada' })).toBe('Ada');
  });
});

describe('earlier messages', () => {
  const page = (from: number, count: number) =>
    Array.from({ length: count }, (_, index) => message(from + index, `line ${from + index}`));

  test('are offered when the history is full, and come before the first line, once', () => {
    wire.open();
    wire.say(welcome(300, page(201, 100)));
    expect(chat.hasEarlier).toBe(true);
    chat.prepend(page(101, 101), true);
    expect(chat.lines.map((line) => line.seq)).toEqual(Array.from({ length: 200 }, (_, index) => 101 + index));
    chat.prepend(page(1, 100), false);
    expect([chat.lines[0]?.seq, chat.lines.length, chat.hasEarlier]).toEqual([1, 300, false]);
  });

  test('are not offered where there are none', () => {
    wire.open();
    wire.say(welcome(3, page(1, 3)));
    expect(chat.hasEarlier).toBe(false);
  });

  test('stay while they are read, and leave when the reader is at the end again', () => {
    wire.open();
    wire.say(welcome(LINES_MAX + 100, page(LINES_MAX + 1, 100)));
    chat.prepend(page(1, LINES_MAX), false);
    wire.say(message(LINES_MAX + 101, 'new'));
    expect([chat.lines[0]?.seq, chat.lines.length]).toEqual([1, LINES_MAX + 100].map((seq, place) => seq + place));
    chat.forgetEarlier();
    expect([chat.lines.length, chat.hasEarlier]).toEqual([LINES_MAX, true]);
  });
});
