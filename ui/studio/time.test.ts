import { expect, test } from 'vitest';
import { clock, countdown, decibels, megabytes, rate, shortClock } from './time';

test('a timer has hours from the start, so that it never changes its width', () => {
  expect([0, 59_999, 2_537_000, 90_000_000].map(clock)).toEqual(['00:00:00', '00:00:59', '00:42:17', '25:00:00']);
});

test('a countdown says 3 at first and 0 only when the time is over', () => {
  expect([3_000, 2_999, 1, 0, -5].map(countdown)).toEqual([3, 3, 1, 0, 0]);
});

test('rates and levels have their units and a true minus', () => {
  expect(rate(2_640_000)).toBe('2.6 Mb/s');
  expect(decibels(-14.23)).toBe('−14.2');
});

test('where there is little room a timer has no hours before there are any', () => {
  expect([2_529_000, 59_000, 3_723_000].map(shortClock)).toEqual(['42:09', '00:59', '1:02:03']);
});

test('files are counted in MB, and in GB from a thousand on', () => {
  expect([812_345, 12_300_000].map(megabytes)).toEqual(['812.3 MB', '12.30 GB']);
});
