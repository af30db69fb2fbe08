import { afterEach, expect, it } from 'vitest';
import { setLanguage } from '$lib/i18n/i18n.svelte';
import { reasonOf } from './words';

afterEach(() => setLanguage('en'));

it('an error of the program is told in the language of the window, with what was said about it', () => {
  const taken = { kind: 'destination-name-taken', said: 'Relay' };
  expect(reasonOf(taken)).toBe('there is a destination of this name already: Relay');
  expect(reasonOf({ kind: 'origin-off', said: '' })).toBe('the origin is off');
  setLanguage('zh-CN');
  expect(reasonOf(taken)).toBe('已经有同名的推流目的地：Relay');
});

it('anything else that is thrown is told as it is', () => {
  expect(reasonOf(new Error('no bridge'))).toBe('no bridge');
  expect(reasonOf('gone')).toBe('gone');
});
