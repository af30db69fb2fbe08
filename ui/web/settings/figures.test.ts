import { expect, test } from 'vitest';
import { formatBytes, formatNumber, formatRate, sparkline } from './figures';

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
