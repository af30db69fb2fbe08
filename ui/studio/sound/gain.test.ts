import { expect, test } from 'vitest';
import { gainText } from './gain';

test('a change of level says its direction, none says nothing', () => {
  expect([20, 0, -65].map(gainText)).toEqual(['+2.0', '0.0', '−6.5']);
});
