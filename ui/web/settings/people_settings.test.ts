import { flushSync, mount, unmount } from 'svelte';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { setLanguage } from '$lib/i18n/i18n.svelte';
import PeopleSettings from './PeopleSettings.svelte';

let view: Record<string, unknown>;
/** Whether the origin tells the room and the rules of its chat. */
let tells: boolean;
const sent = vi.fn();

const shown = (id: string): Element | null => document.querySelector(`[data-testid="${id}"]`);

beforeEach(() => {
  setLanguage('en');
  sent.mockClear();
  vi.stubGlobal('fetch', async (path: string, { method, body }: { method: string; body?: string }) => {
    if (method !== 'GET') {
      sent(method, path, body);
      return new Response('{}', { status: 200 });
    }
    const answers: [string, unknown][] = [
      ['/moderators', { moderators: [] }],
      ['/bans', { bans: [] }],
      ['/audit', { deeds: [] }],
      ['/chat/settings', { words: ['bad'] }],
      ['/rooms/demo', { roster: ['Ada', 'Ben'] }],
    ];
    const [end, answer] = answers.find(([end]) => path.split('?')[0]?.endsWith(end)) ?? ['', {}];
    const silent = !tells && (end === '/chat/settings' || end === '/rooms/demo');
    return new Response(JSON.stringify(silent ? {} : answer), { status: silent ? 503 : 200 });
  });
});

afterEach(() => {
  void unmount(view);
  document.body.replaceChildren();
  vi.unstubAllGlobals();
});

test('a class list and words that did not come cannot be saved as empty ones', async () => {
  tells = false;
  view = mount(PeopleSettings, { target: document.body, props: { slug: 'demo' } });
  await vi.waitFor(() => expect(shown('problem')).not.toBeNull());
  expect([shown('roster'), shown('roster-save'), shown('rule-class')]).toEqual([null, null, null]);
});

test('a class list is there to be changed once it is known', async () => {
  tells = true;
  view = mount(PeopleSettings, { target: document.body, props: { slug: 'demo' } });
  await vi.waitFor(() => expect((shown('roster') as HTMLTextAreaElement | null)?.value).toBe('Ada\nBen'));
  flushSync();
  (shown('roster-save') as HTMLButtonElement).click();
  await vi.waitFor(() => expect(sent).toHaveBeenCalledOnce());
  expect(sent.mock.calls[0]).toEqual(['PATCH', '/api/v1/rooms/demo', '{"roster":["Ada","Ben"]}']);
});
