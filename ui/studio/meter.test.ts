import { expect, test } from 'vitest';
import { FLOOR_DB, Meter, percent } from './meter';

test('the scale is linear from -60 to 0 dB and never leaves the meter', () => {
  expect([-90, -60, -30, 0, 6].map(percent)).toEqual([0, 0, 50, 100, 100]);
});

test('the pale bar falls 20 dB a second and rises at once', () => {
  const meter = new Meter();
  meter.take(0, -20, -10);
  expect(meter.take(500, -60, -60).peak).toBeCloseTo(-20);
  expect(meter.take(600, -20, -8).peak).toBe(-8);
});

test('the line of the highest peak stays for a second and a half', () => {
  const meter = new Meter();
  meter.take(0, -20, -10);
  expect(meter.take(1_400, -40, -30).hold).toBe(-10);
  expect(meter.take(1_600, -40, -30).hold).toBe(-30);
});

test('silence is only told after twenty seconds, and speech ends it', () => {
  const meter = new Meter();
  meter.take(0, FLOOR_DB, FLOOR_DB);
  expect(meter.take(19_900, FLOOR_DB, FLOOR_DB).word).toBe('quiet');
  expect(meter.take(20_000, FLOOR_DB, FLOOR_DB).word).toBe('silent');
  expect(meter.take(20_100, -20, -12).word).toBe('good');
});

test('a pause between words does not count as quiet, a loud word counts at once', () => {
  const meter = new Meter();
  meter.take(0, -20, -12);
  expect(meter.take(1_000, -60, -58).word).toBe('good');
  expect(meter.take(3_100, -60, -58).word).toBe('good');
  expect(meter.take(3_200, -6, -1).word).toBe('loud');
  expect(meter.take(6_200, -20, -12).word).toBe('loud');
  expect(meter.take(9_300, -20, -12).word).toBe('good');
});
