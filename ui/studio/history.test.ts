import { expect, test } from 'vitest';
import { History } from './history';

test('five minutes are kept, and the end of a broadcast forgets them', () => {
  let history = new History();
  for (let second = 0; second < 400; second += 1) {
    history = history.with(second);
  }
  expect(history.rates).toHaveLength(300);
  expect(history.rates[0]).toBe(100);
  expect(history.with(null).rates).toHaveLength(0);
});

test('the newest rate is at the right edge, and the highest at the top', () => {
  const line = new History([1_000, 500]).line(299, 20);
  expect(line).toBe('M298.0 1.0L299.0 10.0');
  expect(new History([1]).line(10, 10)).toBe('');
});
