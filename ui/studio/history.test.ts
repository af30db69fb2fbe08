import { expect, test } from 'vitest';
import { History } from './history';

test('five minutes are kept, and the end of a broadcast forgets them', () => {
  let history = new History();
  for (let second = 0; second < 400; second += 1) {
    history = history.with(second, second * 1_000);
  }
  expect(history.rates).toHaveLength(300);
  expect(history.rates[0]).toBe(100);
  expect(history.with(null, 400_000).rates).toHaveLength(0);
});

test('a second is one sample, however many views come in it', () => {
  let history = new History();
  for (let at_ms = 0; at_ms < 10_000; at_ms += 100) {
    history = history.with(at_ms, at_ms);
  }
  expect(history.rates).toHaveLength(12);
});

test('the newest rate is at the right edge, and the highest at the top', () => {
  const line = new History([1_000, 500]).line(299, 20, 300);
  expect(line).toBe('M298.0 1.0L299.0 10.0');
  expect(new History([1]).line(10, 10, 300)).toBe('');
});

test('a shorter stretch shows its own seconds, and what was wanted leaves room above', () => {
  const history = new History([9_000, 500, 1_000]);
  expect(history.line(10, 20, 2)).toBe('M0.0 10.0L10.0 1.0');
  expect(history.line(10, 20, 2, 2_000)).toBe('M0.0 14.5L10.0 10.0');
  expect(history.figures(2)).toEqual({ now: 1_000, least: 500, most: 1_000, mean: 750 });
  expect(new History().figures(2)).toBeNull();
});
