import { expect, test } from 'vitest';
import { formatBytes, formatNumber, formatRate, plot, sparkline } from './figures';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '1.0 kB'],
  [9_960, '10 kB'],
  [999_600, '1.0 MB'],
  [4_100_000_000, '4.1 GB'],
  [61_000_000_000, '61 GB'],
  [5e15, '5,000 TB'],
])('%i bytes are %s', (bytes, shown) => {
  expect(formatBytes(bytes, 'en')).toBe(shown);
});

test.each([
  [0, '0 kb/s'],
  [640_400, '640 kb/s'],
  [999_600, '1.0 Mb/s'],
  [6_123_000, '6.1 Mb/s'],
])('%i bits a second are %s', (bps, shown) => {
  expect(formatRate(bps, 'en')).toBe(shown);
});

test('a rate of pictures has the decimals it needs', () => {
  expect([30, 29.97, 23.976].map((fps) => formatNumber(fps, 'en'))).toEqual(['30', '29.97', '23.98']);
});

test('a curve begins at the left, ends at the right and touches the top where it is highest', () => {
  expect(sparkline([0, 10, 5], 84, 16)).toBe('M0.0 16.0L42.0 0.0L84.0 8.0');
  expect(sparkline([7], 84, 16)).toBe('');
  expect(sparkline([0, 0], 84, 16)).toBe('M0.0 16.0L84.0 16.0');
});

test('figures over time stand at their time, and a gap stays one', () => {
  const box = { from_ms: 1_000, to_ms: 2_000, gap_ms: 150, top: 10, width: 100, height: 50 };
  const at = (at_ms: number, value: number) => ({ at_ms, value });
  expect(plot([at(900, 9), at(1_000, 0), at(1_100, 5), at(1_600, 10), at(1_700, 20)], box)).toEqual([
    { path: 'M0.0 50.0L10.0 25.0', begin: 0, end: 10 },
    { path: 'M60.0 0.0L70.0 0.0', begin: 60, end: 70 },
  ]);
  expect(plot([at(1_500, 5)], box)).toEqual([{ path: 'M50.0 25.0L51.0 25.0', begin: 50, end: 51 }]);
  expect(plot([], box)).toEqual([]);
});
