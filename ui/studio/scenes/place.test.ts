import { describe, expect, it } from 'vitest';
import { covers, moved, placeOf, rectOf, resized, turned } from './place';

const canvas = { width: 1280, height: 720 };
const rect = { left: 700, top: 400, width: 320, height: 180 };
const how = { canvas, reach: 8, free: false, turned: false };

describe('a place on the canvas', () => {
  it('is the same after being pixels for a while', () => {
    const place = { leftPpm: 720_313, topPpm: 718_056, widthPpm: 250_000, heightPpm: 250_000, fit: 'cover' as const };
    expect(placeOf(rectOf(place, canvas), canvas, 'cover')).toEqual(place);
  });

  it('stays within what the program takes', () => {
    const place = placeOf({ left: -99_999, top: 0, width: 1, height: 99_999 }, canvas, 'contain');
    expect(place).toEqual({ leftPpm: -4_000_000, topPpm: 0, widthPpm: 12_500, heightPpm: 4_000_000, fit: 'contain' });
  });

  it('is drawn to margins, middle and edges that are near, and says to which', () => {
    const { rect: at, guides } = moved(rect, 191, 107, canvas, 8);
    expect([at.left + at.width, at.top + at.height]).toEqual([1216, 684]);
    expect(guides).toEqual([
      { axis: 'x', at: 1216 },
      { axis: 'y', at: 684 },
    ]);
    expect(moved(rect, -217, -127, canvas, 8).rect).toMatchObject({ left: 480, top: 270 });
    expect(moved(rect, 3, 3, canvas, 8)).toEqual({ rect: { ...rect, left: 703, top: 403 }, guides: [] });
    expect(moved(rect, 191, 107, canvas, 0).rect).toMatchObject({ left: 891, top: 507 });
  });

  it('keeps its shape at a corner, and the corner across stays', () => {
    const { rect: at } = resized(rect, { x: -1, y: -1 }, -32, 0, how);
    expect(placeOf(at, canvas, 'cover')).toEqual(
      placeOf({ left: 668, top: 382, width: 352, height: 198 }, canvas, 'cover'),
    );
    const free = resized(rect, { x: 1, y: 1 }, 40, -20, { ...how, free: true }).rect;
    expect(free).toEqual({ left: 700, top: 400, width: 360, height: 160 });
  });

  it('does not vanish, and an edge moves alone', () => {
    expect(resized(rect, { x: 1, y: 0 }, -900, 50, how).rect).toEqual({ ...rect, width: 16 });
    expect(resized(rect, { x: 0, y: 1 }, 0, 105, how).rect).toEqual({ ...rect, height: 284 });
  });

  it('that is turned grows around its middle', () => {
    const { rect: at } = resized(rect, { x: 1, y: 0 }, 10, 0, { ...how, turned: true });
    expect(at).toEqual({ left: 690, top: 400, width: 340, height: 180 });
    const [dx, dy] = turned(0, 10, 90);
    expect([Math.round(dx), Math.round(dy)]).toEqual([10, 0]);
    expect(covers(rect, 0, 705, 405)).toBe(true);
    expect(covers(rect, 90, 705, 405)).toBe(false);
  });
});
