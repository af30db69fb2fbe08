import { afterEach, expect, it } from 'vitest';
import { setLanguage } from '$lib/i18n/i18n.svelte';
import { wrongWith, wrongWithAll } from './words';

afterEach(() => setLanguage('en'));

it('what is wrong with a source is told in the language of the window, with what the system says', () => {
  const busy = { kind: 'camera', said: '/dev/video0: Device or resource busy' } as const;
  expect(wrongWith({ kind: 'no-camera', said: '' })).toBe('there is no camera');
  expect(wrongWith(busy)).toBe('the camera gives no picture (/dev/video0: Device or resource busy)');
  setLanguage('zh-CN');
  expect(wrongWith(busy)).toBe('摄像头没有画面（/dev/video0: Device or resource busy）');
  expect(wrongWithAll([busy, { kind: 'no-screen', said: '' }])).toMatch(/busy）；没有可以捕获的屏幕$/);
});
