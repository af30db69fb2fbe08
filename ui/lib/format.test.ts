import { expect, test } from 'vitest';
import { avatarClass, elapsed, formatCount, formatDuration, formatSeconds, initial } from './format';

test.each([
  [2.14, '2.1 s'],
  [0, '0.0 s'],
  [9.94, '9.9 s'],
  [9.96, '10 s'],
  [63.4, '63 s'],
])('%d seconds read %s', (seconds, text) => {
  expect(formatSeconds(seconds, 'en')).toBe(text);
});

test.each([
  [0, '0:00'],
  [249_900, '4:09'],
  [3_727_000, '1:02:07'],
  [-5, '0:00'],
])('%d milliseconds read %s', (length, text) => {
  expect(formatDuration(length)).toBe(text);
});

test('what was not measured has no text', () => {
  expect(formatSeconds(null, 'en')).toBeNull();
  expect(formatSeconds(Number.NaN, 'en')).toBeNull();
  expect(formatSeconds(-1, 'en')).toBeNull();
});

test('a viewer whose clock is behind sees no negative time', () => {
  expect(elapsed(10_000, 5_000)).toEqual({ hours: 0, minutes: 0 });
  expect(elapsed(0, 68 * 60_000)).toEqual({ hours: 1, minutes: 8 });
});

test('counts have thousands apart', () => {
  expect(formatCount(1204, 'en')).toBe('1,204');
});

test('an avatar shows one whole character and keeps its colour', () => {
  expect(initial(' 柳小满')).toBe('柳');
  expect(initial('👀x')).toBe('👀');
  expect(initial('')).toBe('?');
  expect(avatarClass('mara')).toBe(avatarClass('mara'));
});
