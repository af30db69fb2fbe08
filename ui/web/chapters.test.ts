import { afterEach, expect, test, vi } from 'vitest';
import { readChapter, readChapters } from './chapters';

afterEach(() => vi.unstubAllGlobals());

test('what is known is read, and the rest is left out', async () => {
  const chapters = [
    { offset_ms: 4_000, kind: 'poll', title: 'Which?' },
    { offset_ms: 9_000, kind: 'resumed', away_ms: 2_000 },
    { offset_ms: 9_500, kind: 'of a later version' },
    { kind: 'hand' },
    null,
  ];
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(JSON.stringify({ chapters }))));
  expect(await readChapters('a')).toEqual([
    { offset_ms: 4_000, kind: 'poll', title: 'Which?' },
    { offset_ms: 9_000, kind: 'resumed', title: '' },
  ]);
});

test('a chapter before the beginning stands at it', () => {
  expect(readChapter({ offset_ms: -5, kind: 'hand' })).toEqual([{ offset_ms: 0, kind: 'hand', title: '' }]);
});

test('an origin that does not answer tells none', async () => {
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('offline')));
  expect(await readChapters('a')).toEqual([]);
});
