import { beforeEach, expect, test, vi } from 'vitest';
import { Chat } from './chat.svelte';
import { readFloor } from './floor_frames';
import { type ClientFrame, readFrame, type ServerFrame } from './frames';
import type { TransportListener } from './transport';

let listener: TransportListener;
let sent: ClientFrame[];
let chat: Chat;
let ids: number;

const me = { id: 'me', name: 'Ada', roles: ['guest'] };
const said = { type: 'message', seq: 4, id: null, from: me, text: 'hi', at: 0 } as const;

function welcome(floor: object = {}, roles = ['guest']): ServerFrame {
  const member = { ...me, roles };
  return { type: 'welcome', epoch: 'e', seq: 4, member, room: null, history: [said], floor: readFloor(floor) };
}

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  ids = 0;
  const send = (frame: ClientFrame): boolean => sent.push(frame) > 0;
  chat = new Chat({ start: (to) => (listener = to), send, stop: () => undefined }, {}, () => `c${++ids}`);
  chat.start();
  listener.opened();
  listener.frame(welcome());
});

test('a vote counts here once the origin has it, and is asked for again after a lost connection', () => {
  chat.perform({ type: 'vote', poll: 7, choices: [1] });
  expect(chat.floor.choiceIn(7)).toBeNull();
  listener.closed();
  listener.opened();
  listener.frame(welcome());
  expect(sent.filter((frame) => frame.type === 'vote')).toEqual([
    { type: 'vote', poll: 7, choices: [1], id: 'c1' },
    { type: 'vote', poll: 7, choices: [1], id: 'c1' },
  ]);
  listener.frame({ type: 'ack', id: 'c1', seq: 9 });
  expect(chat.floor.choiceIn(7)).toEqual([1]);
});

test('a deed that is refused is told beside the box, and not asked for again', () => {
  chat.perform({ type: 'ban', member: 'x' });
  listener.frame({ type: 'error', id: 'c1', code: 'not_allowed', message: '', retry_after_ms: null });
  expect(chat.problem?.code).toBe('not_allowed');
  listener.frame(welcome());
  expect(sent.filter((frame) => frame.type === 'ban')).toHaveLength(1);
});

test('a held message waits until it comes through or is rejected', () => {
  chat.send('www.example');
  listener.frame({ type: 'ack', id: 'c1', seq: 5, held: true });
  expect(chat.pending[0]?.held).toBe(5);
  listener.frame(welcome());
  // Asked for again: what was decided meanwhile would be the answer.
  expect(sent.filter((frame) => frame.type === 'send')).toHaveLength(2);
  listener.frame({ type: 'settled', held: 5, id: 'c1', released: false });
  expect(chat.pending[0]?.refusal?.code).toBe('rejected');
});

test('a line that was taken away comes back with its text', () => {
  listener.frame({ type: 'deleted', seq: 5, message: 4, by: { id: 'm', name: 'Mara' } });
  expect(chat.line(4)).toMatchObject({ deleted: true, deletedBy: 'Mara', text: '' });
  listener.frame({ type: 'restored', seq: 6, message: said });
  expect(chat.line(4)).toMatchObject({ deleted: false, text: 'hi' });
});

test('slow mode counts from the own message on', () => {
  listener.frame(welcome({ settings: { slow_mode_s: 10 } }));
  chat.send('hi');
  listener.frame({ type: 'ack', id: 'c1', seq: 5 });
  expect(chat.slowUntil).toBe(Date.now() + 10_000);
});

test('a command that was done is no message', () => {
  chat.send('/slow 5');
  listener.frame({ type: 'ack', id: 'c1', seq: 5 });
  expect(chat.pending).toHaveLength(0);
});

test('frames of the wrong shape are passed over', () => {
  const bad = [
    '{"type":"poll","seq":1,"poll":{"id":"x"}}',
    '{"type":"question","seq":1,"question":null}',
    '{"type":"held","message":[]}',
    '{"type":"sanction","seq":1}',
  ];
  expect(bad.map(readFrame)).toEqual([null, null, null, null]);
  const flying = '{"type":"message","seq":1,"from":{"id":"a","name":"A"},"text":"x","danmaku":{"color":"url(x)"}}';
  expect(readFrame(flying)).toMatchObject({ danmaku: null });
});
