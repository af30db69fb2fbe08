import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { setLanguage } from '$lib/i18n/i18n.svelte';
import { hardware } from './hardware';

afterEach(() => setLanguage('en'));

test('whatever an encoder runs on has a Chinese name', () => {
  const source = readFileSync('../crates/encode/src/family.rs', 'utf8');
  const told = source.slice(source.indexOf('fn runs_on'), source.indexOf('fn is_software'));
  const names = [...told.matchAll(/=> "(.+)"/g)].map((found) => found[1] ?? '');
  expect(names.length).toBeGreaterThan(7);
  setLanguage('zh-CN');
  for (const name of names) {
    expect(hardware(name)).not.toBe(name);
  }
  setLanguage('en');
  expect(hardware('the processor')).toBe('the processor');
});
