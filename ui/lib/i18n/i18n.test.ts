import { expect, test } from 'vitest';
import { matchLanguage, setLanguage, words } from './i18n.svelte';

const t = words(
  'test',
  { hello: 'Hello {{name}}', n_one: '{{count}} line', n_other: '{{count}} lines' },
  {
    hello: '你好 {{name}}',
    n_other: '{{count}} 行',
  },
);

test('the first language of the browser that there are words for is taken', () => {
  expect(matchLanguage(['fr-FR', 'zh-TW', 'en'])).toBe('zh-CN');
  expect(matchLanguage(['de', 'en-GB'])).toBe('en');
  expect(matchLanguage(['de'])).toBe('en');
});

test('words follow the language, with their plurals', () => {
  setLanguage('en');
  expect(t('hello', { name: 'A & B' })).toBe('Hello A & B');
  expect([t('n', { count: 1 }), t('n', { count: 2 })]).toEqual(['1 line', '2 lines']);
  setLanguage('zh-CN');
  expect([t('hello', { name: '小满' }), t('n', { count: 1 })]).toEqual(['你好 小满', '1 行']);
});
