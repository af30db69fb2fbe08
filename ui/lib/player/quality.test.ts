import { expect, test } from 'vitest';
import { levelFor, qualities, readWish } from './quality';

const level = (width: number, height: number, bitrate: number, frameRate = 30) => ({
  width,
  height,
  bitrate,
  frameRate,
});

test('renditions are named by their shorter side, best first', () => {
  const among = qualities([level(426, 240, 400_000), level(1280, 720, 3_000_000, 60), level(480, 854, 1_400_000)]);
  expect(among.map(({ name, level: at }) => [name, at])).toEqual([
    ['720p60', 1],
    ['480p', 2],
    ['240p', 0],
  ]);
});

test('a level without a picture is not offered', () => {
  expect(qualities([level(0, 0, 128_000)])).toEqual([]);
});

test('a wish is met by the best that is not larger, else by the smallest', () => {
  const among = qualities([level(640, 360, 800_000), level(1280, 720, 3_000_000), level(426, 240, 400_000)]);
  expect(levelFor(720, among)).toBe(1);
  expect(levelFor(480, among)).toBe(0);
  expect(levelFor(144, among)).toBe(2);
  expect(levelFor('auto', among)).toBe(-1);
  expect(levelFor('sound', among)).toBe(-1);
});

test('with one rendition there is nothing to choose', () => {
  expect(levelFor(240, qualities([level(1280, 720, 3_000_000)]))).toBe(-1);
});

test('only a sensible number, or no picture, is a stored wish', () => {
  expect(readWish('480')).toBe(480);
  expect(readWish('sound')).toBe('sound');
  for (const stored of [null, '', 'auto', '-1', '1.5', 'NaN', '1e9']) {
    expect(readWish(stored)).toBe('auto');
  }
});
