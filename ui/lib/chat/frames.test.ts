import { expect, test } from 'vitest';
import { readFrame } from './frames';

const member = { id: 'a', name: 'Ada', roles: ['owner', 7] };

test('a welcome is read with its room and history, and what is no message is left out', () => {
  const room = { room: 'demo', title: '', owner: null, state: 'live', playlist: '/live/demo/index.m3u8' };
  const message = { type: 'message', seq: 3, id: 'c1', from: member, text: 'hi', at: '2026-11-20T18:00:00Z' };
  const frame = readFrame(
    JSON.stringify({ type: 'welcome', epoch: 'e', seq: 3, member, room, history: [message, { seq: 4 }] }),
  );
  expect(frame).toMatchObject({
    type: 'welcome',
    member: { id: 'a', name: 'Ada', roles: ['owner'] },
    room: { title: 'demo', state: 'live', viewers: 0, live_since_ms: null },
    history: [{ seq: 3, text: 'hi', at: Date.parse('2026-11-20T18:00:00Z') }],
  });
});

test.each([
  ['no JSON', '{'],
  ['no object', '"hi"'],
  ['an unknown type', '{"type":"quiz","seq":1}'],
  ['a message without a sender', '{"type":"message","seq":1,"text":"x"}'],
  ['a negative number', '{"type":"notice","seq":-1,"code":"live"}'],
  ['an acknowledgement of nothing', '{"type":"ack","seq":1}'],
])('%s is passed over', (_what, json) => {
  expect(readFrame(json)).toBeNull();
});

test('an error without an id belongs to no message', () => {
  expect(readFrame('{"type":"error","code":"rate_limited","message":"m","retry_after_ms":900}')).toEqual({
    type: 'error',
    id: null,
    code: 'rate_limited',
    message: 'm',
    retry_after_ms: 900,
  });
});
