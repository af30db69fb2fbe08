import { expect, test } from 'vitest';
import { Lanes, STAND_MS } from './lanes';

const FLIGHT_MS = 8_000;

/** The left and right edge of a message at a moment. */
function edges(since_ms: number, width: number, picture: number, at: number): [number, number] {
  const left = picture - ((at - since_ms) / FLIGHT_MS) * (picture + width);
  return [left, left + width];
}

test('no two messages of one lane ever overlap', () => {
  const lanes = new Lanes(3, 800, FLIGHT_MS);
  const flown: { lane: number; since_ms: number; width: number }[] = [];
  let seed = 7;
  const random = (): number => {
    seed = (seed * 16_807) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  for (let now = 0; now < 60_000; now += 100) {
    const width = 30 + random() * 900;
    const place = lanes.fly(width, now);
    if (place) {
      flown.push({ lane: place.lane, since_ms: now, width });
    }
  }
  expect(flown.length).toBeGreaterThan(20);
  for (const one of flown) {
    for (const other of flown.filter(
      (each) => each !== one && each.lane === one.lane && each.since_ms >= one.since_ms,
    )) {
      for (let at = other.since_ms; at <= one.since_ms + FLIGHT_MS; at += 50) {
        const [, right] = edges(one.since_ms, one.width, 800, at);
        const [left] = edges(other.since_ms, other.width, 800, at);
        expect(left).toBeGreaterThanOrEqual(right - 0.001);
      }
    }
  }
});

test('what finds no lane does not fly', () => {
  const lanes = new Lanes(2, 800, FLIGHT_MS);
  expect([lanes.fly(100, 0), lanes.fly(100, 0), lanes.fly(100, 0)]).toEqual([{ lane: 0 }, { lane: 1 }, null]);
});

test('a standing message keeps its line for its time', () => {
  const lanes = new Lanes(3, 800, FLIGHT_MS);
  expect(lanes.stand('top', 0)).toEqual({ lane: 0 });
  expect(lanes.stand('top', STAND_MS - 1)).toBeNull();
  expect(lanes.stand('bottom', 0)).toEqual({ lane: 0 });
  expect(lanes.stand('top', STAND_MS)).toEqual({ lane: 0 });
});
