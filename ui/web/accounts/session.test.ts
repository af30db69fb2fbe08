import { expect, test } from 'vitest';
import { nextPage } from './session.svelte';
import { deviceName } from './times';

test('signing in leads back to a page of this origin and to no other site', () => {
  expect(nextPage('?next=/r/demo')).toBe('/r/demo');
  for (const other of ['', '?next=https://evil.example', '?next=//evil.example', '?next=/\\evil.example', '?next=r']) {
    expect(nextPage(other), other).toBe('/');
  }
});

test('a device is named by what a person knows of it', () => {
  expect(deviceName('Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0')).toBe('Firefox, Linux');
  expect(deviceName('Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/156.0 Mobile Safari/537.36')).toBe(
    'Chrome, Android',
  );
  expect(deviceName('curl/8')).toBe(null);
});
