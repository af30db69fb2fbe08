import { expect, test } from 'vitest';
import { LineEstimate } from './line_estimate';

const SMALL = { average: 300_000, peak: 350_000 };
const LARGE = { average: 1_600_000, peak: 1_700_000 };
/** Of a line that nothing fills: a few milliseconds for a part. */
const WIDE_BPS = 80_000_000;
/** A third of a second. */
const PART_S = 1 / 3;

function load(line: LineEstimate, level: typeof SMALL, bps: number, parts = 1): void {
  const bytes = (level.average * PART_S) / 8;
  for (let part = 0; part < parts; part += 1) {
    line.measure((bytes * 8000) / bps, bytes);
  }
}

function onWideLine(): LineEstimate {
  const line = new LineEstimate(2_500_000);
  line.changeLevel(LARGE);
  load(line, LARGE, WIDE_BPS, 100);
  return line;
}

/** hls.js' rule for keeping a rendition, and for a larger one. */
const stays = (line: LineEstimate, level: typeof SMALL): boolean => line.getEstimate() * 0.95 >= level.peak;
const rises = (line: LineEstimate, level: typeof SMALL): boolean => line.getEstimate() * 0.7 >= level.peak;

test('before anything was loaded the estimate is what was given', () => {
  const line = new LineEstimate(2_500_000);
  expect(line.canEstimate()).toBe(false);
  expect(line.getEstimate()).toBe(2_500_000);
  load(line, SMALL, 900_000);
  expect(line.canEstimate()).toBe(true);
});

test('a line that gets narrow is believed after two parts', () => {
  const line = onWideLine();
  load(line, LARGE, 1_300_000);
  expect(stays(line, LARGE)).toBe(true);
  load(line, LARGE, 1_300_000);
  expect(stays(line, LARGE)).toBe(false);
  expect(line.getEstimate()).toBeCloseTo(1_300_000);
});

test('one late part in three changes nothing', () => {
  const line = onWideLine();
  for (let round = 0; round < 20; round += 1) {
    load(line, LARGE, 900_000);
    load(line, LARGE, WIDE_BPS, 2);
    expect(stays(line, LARGE)).toBe(true);
  }
});

test('after a fall the small rendition stays while the line is narrow', () => {
  const line = onWideLine();
  load(line, LARGE, 1_300_000, 3);
  line.changeLevel(SMALL);
  for (let part = 0; part < 200; part += 1) {
    load(line, SMALL, 1_300_000);
    expect(stays(line, SMALL)).toBe(true);
    expect(rises(line, LARGE)).toBe(false);
  }
});

test('a wide line is seen again though a busy page makes most parts slow', () => {
  const line = onWideLine();
  load(line, LARGE, 1_300_000, 3);
  line.changeLevel(SMALL);
  for (let part = 0; part < 20; part += 1) {
    load(line, SMALL, part % 6 === 0 ? 6_000_000 : 1_000_000);
    expect(rises(line, LARGE)).toBe(part === 19);
  }
});

test('after a rise what small parts told does not take it back', () => {
  const line = onWideLine();
  load(line, LARGE, 1_300_000, 3);
  line.changeLevel(SMALL);
  load(line, SMALL, 1_000_000, 19);
  load(line, SMALL, WIDE_BPS);
  line.changeLevel(LARGE);
  // Until a part of it was loaded, hls.js asks whether it may rise to it.
  expect(rises(line, LARGE)).toBe(true);
  load(line, LARGE, WIDE_BPS, 3);
  expect(stays(line, LARGE)).toBe(true);
});

test('rises that fail come ever less often, and a steady line begins anew', () => {
  const line = onWideLine();
  const waits: number[] = [];
  for (let round = 0; round < 6; round += 1) {
    load(line, LARGE, 1_300_000, 3);
    line.changeLevel(SMALL);
    let wait = 0;
    while (!rises(line, LARGE)) {
      load(line, SMALL, WIDE_BPS);
      wait += 1;
    }
    waits.push(wait);
    line.changeLevel(LARGE);
  }
  expect(waits).toEqual([20, 40, 80, 160, 320, 320]);
  load(line, LARGE, WIDE_BPS, 200);
  load(line, LARGE, 1_300_000, 3);
  line.changeLevel(SMALL);
  load(line, SMALL, WIDE_BPS, 20);
  expect(rises(line, LARGE)).toBe(true);
});

test('what was given up makes all that was measured void', () => {
  const line = onWideLine();
  line.forget(300_000);
  expect(line.canEstimate()).toBe(false);
  expect(line.getEstimate()).toBe(300_000);
});

test('the time to the first byte is a median', () => {
  const line = new LineEstimate(1);
  expect(line.getEstimateTTFB()).toBe(100);
  for (const duration of [20, 900, 30]) {
    line.sampleTTFB(duration);
  }
  expect(line.getEstimateTTFB()).toBe(30);
});
