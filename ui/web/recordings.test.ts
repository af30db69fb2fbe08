import { afterEach, expect, test, vi } from 'vitest';
import { formatLength, listRecordings, readRecording, readSaid } from './recordings';

const ID = 'a'.repeat(32);
const WIRE = {
  id: ID,
  room: 'demo',
  title: 'Demo',
  started_ms: 5,
  duration_ms: 61_000,
  bytes: 7,
  state: 'done',
  tracks: ['H.264', 'AAC'],
  page: `/r/demo/replay/${ID}`,
  playlist: `/replay/${ID}/index.m3u8`,
  files: [`/replay/${ID}/1.mp4`],
};

afterEach(() => vi.unstubAllGlobals());

test('a recording is read, and paths that lead elsewhere are not followed', () => {
  expect(readRecording(WIRE)).toMatchObject({ title: 'Demo', duration_ms: 61_000, poster: null, notice: null });
  expect(readRecording({ ...WIRE, poster: '//evil.example/x.jpg', files: ['javascript:1'] })).toMatchObject({
    poster: null,
    files: [],
  });
  expect(readRecording({ ...WIRE, playlist: 'https://evil.example/' })).toBeNull();
  expect(readRecording(null)).toBeNull();
});

test.each([
  [0, '0:00'],
  [61_000, '1:01'],
  [4_360_000, '1:12:40'],
  [-5, '0:00'],
])('%i ms is %s', (duration_ms, shown) => {
  expect(formatLength(duration_ms)).toBe(shown);
});

test('what was said is read page by page until there is no more', async () => {
  const message = (seq: number) => ({
    type: 'message',
    seq,
    id: `c${seq}`,
    from: { id: 'g1', name: 'Ada', roles: [] },
    text: `number ${seq}`,
    at: seq,
    offset_ms: seq * 10,
  });
  const pages: Record<string, unknown[]> = { '0': [message(1), message(2)], '2': [message(7)], '7': [] };
  const asked: string[] = [];
  vi.stubGlobal('fetch', async (path: string) => {
    asked.push(path);
    return Response.json({ messages: pages[path.split('after=')[1] ?? ''] ?? [] });
  });
  const said = await readSaid(ID);
  expect(said.map((each) => [each.offset_ms, each.message.text])).toEqual([
    [10, 'number 1'],
    [20, 'number 2'],
    [70, 'number 7'],
  ]);
  expect(asked).toHaveLength(3);
});

test('a room with more recordings than a page holds shows all of them', async () => {
  const whole = Array.from({ length: 500 }, (_, at) => ({ ...WIRE, started_ms: 9_000 - at }));
  const asked: string[] = [];
  vi.stubGlobal('fetch', async (path: string) => {
    asked.push(path);
    return Response.json({ recordings: path.includes('before=8501') ? [{ ...WIRE, started_ms: 7 }] : whole });
  });
  expect((await listRecordings('demo'))?.map((each) => each.started_ms).slice(-2)).toEqual([8_501, 7]);
  expect(asked).toHaveLength(2);
});

test('an origin that does not answer is told apart from a room without recordings', async () => {
  vi.stubGlobal('fetch', async () => Response.json({ recordings: [WIRE, 'nonsense'] }));
  expect(await listRecordings('demo')).toHaveLength(1);
  vi.stubGlobal('fetch', async () => Promise.reject(new Error('offline')));
  expect(await listRecordings('demo')).toBeNull();
});
