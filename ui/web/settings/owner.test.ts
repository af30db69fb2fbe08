import { afterEach, expect, test, vi } from 'vitest';
import { changeRoom, deleteRecording, readOwned, readOwnedRoom, readOwner } from './owner';

const ROOM = { room: 'demo', title: 'Demo', state: 'live', playlist: '/live/demo/index.m3u8' };
const INGEST = {
  protocol: 'srt',
  srt: { rtt_ms: 41.5, lost: 3, retransmitted: 3, dropped: 0, buffer_ms: 180, latency_ms: 200, encrypted: true },
  video: { codec: 'H.264', width: 1920, height: 1080, fps: 29.97, keyframe_interval_ms: 2000 },
  audio: null,
  bitrate_bps: 6_100_000,
  dropped_frames: 0,
  jitter_ms: 1.5,
  av_offset_ms: -20,
  renditions: [{ name: '480p', width: 854, height: 480, bitrate_bps_max: 1_000_000, active: false }],
  warnings: ['keyframes every 10 s: set 2 s or less'],
};
const OWNED = { ...ROOM, ingest: INGEST, record: true, recording: { writing: 'a', notice: 'the disk is full' } };

const asked: { method: string; url: string; body: unknown }[] = [];

function answers(status: number, body: unknown): void {
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    const sent = typeof init.body === 'string' ? JSON.parse(init.body) : null;
    asked.push({ method: init.method ?? 'GET', url, body: sent });
    return Promise.resolve(new Response(status === 204 ? null : JSON.stringify(body), { status }));
  });
}

afterEach(() => {
  vi.unstubAllGlobals();
  asked.length = 0;
});

test('a room with what its owner sees is read', () => {
  expect(readOwned(OWNED)).toMatchObject({
    record: true,
    recording: { writing: true, notice: 'the disk is full' },
    ingest: { video: { width: 1920, fps: 29.97 }, audio: null, srt: { rtt_ms: 41.5, encrypted: true } },
    problem: null,
  });
});

test('a room without what its owner sees is not the asker’s', async () => {
  expect(readOwned(ROOM)).toBeNull();
  answers(200, ROOM);
  expect(await readOwnedRoom('demo')).toEqual({ kind: 'stranger' });
});

test('a room that nobody publishes to has no ingest', () => {
  expect(readOwned({ ...OWNED, ingest: null })?.ingest).toBeNull();
});

test.each([
  [401, 'stranger'],
  [403, 'stranger'],
  [404, 'missing'],
  [500, 'failed'],
  [200, 'failed'],
])('the status %i of something unreadable is %s', async (status, kind) => {
  answers(status, {});
  expect((await readOwner('demo')).kind).toBe(kind);
});

test('no answer is a failure', async () => {
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('offline')));
  expect(await deleteRecording('a')).toEqual({ kind: 'failed' });
});

test('a change is sent as JSON to the room of that name', async () => {
  answers(200, OWNED);
  expect((await changeRoom('a b', { title: 'Two' })).kind).toBe('ok');
  const sent = { method: 'PATCH', url: '/api/v1/rooms/a%20b', body: { title: 'Two' } };
  expect(asked).toEqual([sent]);
});

test('an answer without content is one', async () => {
  answers(204, null);
  expect(await deleteRecording('a')).toEqual({ kind: 'ok', value: true });
});
