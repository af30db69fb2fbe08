import { expect, test } from 'vitest';
import { isBehind, latencySeconds, mayResume, rejoin, type Stuck, unstick } from './measure';

test('the programme date is the measure while the viewer has a right clock', () => {
  expect(latencySeconds(1.4, 2.1)).toBe(2.1);
});

test('a wrong clock is not believed', () => {
  expect(latencySeconds(1.4, 3600)).toBe(1.4);
  expect(latencySeconds(1.4, -40)).toBe(1.4);
  expect(latencySeconds(1.4, null)).toBe(1.4);
});

test('without a playlist there is no latency', () => {
  expect(latencySeconds(null, 2)).toBeNull();
  expect(latencySeconds(0, 2)).toBeNull();
});

test('the way back to live is offered from three seconds beyond the target', () => {
  expect(isBehind(3.9, 1)).toBe(false);
  expect(isBehind(4.1, 1)).toBe(true);
  expect(isBehind(null, 1)).toBe(false);
});

function target(change: Partial<Stuck>): number | null {
  return unstick({ position: 10, since: 2, buffered: [{ start: 0, end: 10 }], liveSync: 9, ...change });
}

test('with nothing newer than the last picture, it stays', () => {
  expect(target({})).toBeNull();
  expect(target({ since: 15, liveSync: 10 })).toBeNull();
});

test('a playhead that only just stopped is left to the browser', () => {
  expect(target({ since: 0.5, buffered: [{ start: 12, end: 13 }] })).toBeNull();
});

test('media after a hole is jumped to', () => {
  const buffered = [
    { start: 0, end: 10 },
    { start: 10.7, end: 11.4 },
  ];
  expect(target({ buffered })).toBeCloseTo(10.75);
});

test('a scrap after a hole is not', () => {
  const buffered = [
    { start: 0, end: 10 },
    { start: 10.7, end: 10.8 },
  ];
  expect(target({ buffered })).toBeNull();
});

test('a decoder that does not take the media under it is nudged, later', () => {
  const buffered = [{ start: 0, end: 12 }];
  expect(target({ buffered, since: 2 })).toBeNull();
  expect(target({ buffered, since: 3 })).toBeCloseTo(10.05);
});

test('far behind, the live position is taken where it is buffered, else the next media', () => {
  const buffered = [
    { start: 0, end: 10 },
    { start: 20, end: 24 },
  ];
  expect(target({ buffered, liveSync: 22 })).toBe(22);
  expect(target({ buffered, liveSync: 30 })).toBe(20);
});

test('a player that ran dry gathers two parts first, but not for long', () => {
  expect(mayResume(0.1, 60)).toBe(false);
  expect(mayResume(0.33, 0.3)).toBe(false);
  expect(mayResume(0.33, 0.7)).toBe(true);
  expect(mayResume(0.66, 0)).toBe(true);
});

test('a player within the reach of hls.js is left to it', () => {
  expect(rejoin({ beyond: 1.9, reach: 2, since: 60 })).toBeNull();
});

test('a player that fell a little behind plays faster', () => {
  expect(rejoin({ beyond: 3, reach: 2, since: 60 })).toBe('faster');
});

test('a player that is far behind jumps, once that is certain', () => {
  expect(rejoin({ beyond: 16, reach: 2, since: 1 })).toBe('faster');
  expect(rejoin({ beyond: 16, reach: 2, since: 4 })).toBe('jump');
});
