import { expect, test } from 'vitest';
import { ADDRESS_MAX, addressOf } from './address';

test('the address of a room follows its title', () => {
  expect(addressOf('Evening piano, part 2')).toBe('evening-piano-part-2');
  expect(addressOf('  – Lakeside –  ')).toBe('lakeside');
  expect(addressOf('弹幕')).toBe('');
  expect(addressOf(`${'a'.repeat(ADDRESS_MAX - 1)} b`)).toBe('a'.repeat(ADDRESS_MAX - 1));
});
