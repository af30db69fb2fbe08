import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Room } from '$lib/room/room';
import type { RoomAnswer } from './api';
import { WatchRoom } from './watch_room.svelte';

/** A chat nobody answers. */
class DeadSocket {
  static made = 0;
  onopen: unknown = null;
  onmessage: unknown = null;
  onclose: unknown = null;
  constructor() {
    DeadSocket.made += 1;
  }
  close(): void {}
}

const demo: Room = {
  room: 'demo',
  title: 'Demo',
  owner: 'mara',
  state: 'offline',
  viewers: 0,
  members: 0,
  live_since_ms: null,
  playlist: '/live/demo/index.m3u8',
  picture: null,
};
let answer: RoomAnswer;
let asked: number;

function watch(): WatchRoom {
  return new WatchRoom('demo', async () => {
    asked += 1;
    return answer;
  });
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('WebSocket', DeadSocket);
  DeadSocket.made = 0;
  asked = 0;
});
afterEach(() => vi.unstubAllGlobals());

test('without a chat the room is read again until it is live', async () => {
  answer = { kind: 'room', owned: false, moderated: false, room: { ...demo } };
  const room = watch();
  const stop = room.start();
  await vi.advanceTimersByTimeAsync(0);
  expect(room.room?.state).toBe('offline');
  answer = { kind: 'room', owned: false, moderated: false, room: { ...demo, state: 'live', live_since_ms: 5 } };
  await vi.advanceTimersByTimeAsync(3_000);
  expect(room.room?.state).toBe('live');
  stop();
  const before = asked;
  await vi.advanceTimersByTimeAsync(30_000);
  expect(asked).toBe(before);
});

test('what is planned is heard of beside an open chat, while nothing is on', async () => {
  answer = { kind: 'room', owned: false, moderated: false, room: { ...demo } };
  const room = watch();
  const stop = room.start();
  await vi.advanceTimersByTimeAsync(0);
  vi.spyOn(room.chat, 'connection', 'get').mockReturnValue('open');
  answer = { kind: 'room', owned: false, moderated: false, room: { ...demo, next_live_ms: 7 } };
  await vi.advanceTimersByTimeAsync(27_000);
  expect([room.room?.next_live_ms, asked]).toEqual([undefined, 1]);
  answer.room.state = 'live';
  await vi.advanceTimersByTimeAsync(3_000);
  expect([room.room?.next_live_ms, asked]).toEqual([7, 2]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toBe(2);
  stop();
});

test('an origin that stops answering leaves what was known', async () => {
  answer = { kind: 'room', owned: false, moderated: false, room: { ...demo, state: 'live' } };
  const room = watch();
  const stop = room.start();
  await vi.advanceTimersByTimeAsync(0);
  answer = { kind: 'failed' };
  await vi.advanceTimersByTimeAsync(9_000);
  expect([room.status, room.room?.state]).toEqual(['ready', 'live']);
  stop();
});

test('a room that is not there is asked for once and has no chat', async () => {
  answer = { kind: 'missing' };
  const room = watch();
  const stop = room.start();
  await vi.advanceTimersByTimeAsync(30_000);
  expect([room.status, asked, DeadSocket.made]).toEqual(['missing', 1, 0]);
  stop();
});

test('an origin that was away at first is asked again', async () => {
  answer = { kind: 'failed' };
  const room = watch();
  const stop = room.start();
  await vi.advanceTimersByTimeAsync(0);
  expect(room.status).toBe('failed');
  answer = { kind: 'room', owned: false, moderated: false, room: { ...demo } };
  await vi.advanceTimersByTimeAsync(3_000);
  expect([room.status, DeadSocket.made]).toEqual(['ready', 1]);
  stop();
});

test.each(['missing', 'locked'] as const)(
  'a room that becomes %s while somebody is in it lets go of them',
  async (kind) => {
    answer = { kind: 'room', owned: false, moderated: false, room: { ...demo, state: 'live' } };
    const room = watch();
    const stop = room.start();
    await vi.advanceTimersByTimeAsync(0);
    const stopped = vi.spyOn(room.chat, 'stop');
    answer = { kind };
    await vi.advanceTimersByTimeAsync(3_000);
    expect([room.status, room.room, stopped.mock.calls.length]).toEqual([kind, null, 1]);
    const made = DeadSocket.made;
    answer = { kind: 'room', owned: false, moderated: false, room: { ...demo } };
    await room.refresh();
    expect([room.status, room.room?.state, DeadSocket.made]).toEqual(['ready', 'offline', made + 1]);
    stop();
  },
);

test('an answer that comes late does not take back a newer one', async () => {
  const answers: ((answer: RoomAnswer) => void)[] = [];
  const room = new WatchRoom('demo', () => new Promise((done) => answers.push(done)));
  const late = room.refresh();
  const newer = room.refresh();
  answers[1]?.({ kind: 'room', owned: false, moderated: false, room: { ...demo, state: 'live' } });
  await newer;
  answers[0]?.({ kind: 'room', owned: false, moderated: false, room: { ...demo } });
  await late;
  expect(room.room?.state).toBe('live');
  room.chat.stop();
});
