import { expect, test } from 'vitest';
import { codecNames } from './codecs';

test('codecs are called what people call them', () => {
  expect(codecNames(['hvc1.1.6.L93.B0,mp4a.40.2'])).toBe('HEVC, AAC');
  expect(codecNames(['av01.0.05M.08,opus', 'avc1.64001f,opus'])).toBe('AV1, Opus, H.264');
});

test('an unknown codec keeps its name, and none is no word', () => {
  expect(codecNames(['vvc1.1.L51'])).toBe('vvc1.1.L51');
  expect(codecNames([''])).toBe('');
});
