import { describe, expect, it } from 'vitest';
import { endsSegment } from './segment_end';

const part = (sn: number, index: number) => ({ index, fragment: { sn } });
const partList = [part(7, 0), part(7, 1), part(7, 2), part(8, 0), part(8, 1)];
const playlist = { fragments: [{ sn: 6 }, { sn: 7 }], partList };

describe('the end of a segment', () => {
  it('is after the last part of a segment that is whole', () => {
    expect(endsSegment(part(7, 2), playlist)).toBe(true);
    expect(endsSegment(part(7, 1), playlist)).toBe(false);
  });

  it('is not after the newest part of a segment that grows', () => {
    expect(endsSegment(part(8, 1), playlist)).toBe(false);
  });

  it('is after every whole segment, and where nothing is known', () => {
    expect(endsSegment(null, playlist)).toBe(true);
    expect(endsSegment(part(7, 0), undefined)).toBe(true);
    expect(endsSegment(part(7, 0), { fragments: [{ sn: 7 }], partList: null })).toBe(true);
  });

  it('is after a part that left the playlist with its segment still there', () => {
    expect(endsSegment(part(6, 0), playlist)).toBe(true);
  });
});
