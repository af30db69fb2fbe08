import { expect, test } from 'vitest';
import { placeOf } from './reorder';

test('a row belongs behind those whose middle it has passed', () => {
  const others = [20, 60, 100];
  expect([0, 21, 60, 61, 140].map((middle) => placeOf(middle, others))).toEqual([0, 1, 1, 2, 3]);
});
