import { afterEach, expect, test, vi } from 'vitest';
import { SettingsRoom } from './settings_room.svelte';

afterEach(() => vi.unstubAllGlobals());

test('an origin that stops answering leaves what was known, and the page says that it is old', async () => {
  let away = false;
  const room = { room: 'demo', title: 'Demo', state: 'live', record: false, recording: {} };
  const owner = { key_last_four: 'abcd', addresses: {}, keeping: {} };
  vi.stubGlobal('fetch', async (path: string) => {
    if (away) {
      throw new TypeError('no network');
    }
    return new Response(JSON.stringify(path.endsWith('/owner') ? owner : room));
  });
  const settings = new SettingsRoom('demo');
  await settings.refresh();
  expect([settings.status, settings.stale]).toEqual(['ready', false]);
  away = true;
  await settings.refresh();
  expect([settings.status, settings.owned?.room.state, settings.stale]).toEqual(['ready', 'live', true]);
  away = false;
  await settings.refresh();
  expect(settings.stale).toBe(false);
});
