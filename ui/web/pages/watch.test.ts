import { flushSync, mount, unmount } from 'svelte';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { setLanguage } from '$lib/i18n/i18n.svelte';
import type { Room } from '$lib/room/room';

const calls = vi.hoisted(() => ({ made: [] as string[] }));

/** A player that plays at once and writes down what it is asked. */
vi.mock('$lib/player/live_player.svelte', () => ({
  LivePlayer: class {
    state = 'idle';
    latency = null;
    behind = false;
    muted = false;
    volume = 1;
    soundBlocked = false;
    gestureNeeded = false;
    codecs = '';
    pictureMissing = false;
    qualities = [];
    playing = null;
    wish = 'auto';
    soundAlone = false;
    generation = 0;
    fatalErrors = 0;
    attach = () => () => undefined;
    async load(url: string): Promise<void> {
      calls.made.push(url);
    }
    unload(): void {
      calls.made.push('unload');
    }
  },
}));

/** The chat's socket, in the hands of the test. */
class Socket {
  static newest: Socket;
  static readonly OPEN = 1;
  readyState = Socket.OPEN;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  constructor() {
    Socket.newest = this;
  }
  send(): void {}
  close(): void {}
  async say(frame: object): Promise<void> {
    this.onmessage?.({ data: JSON.stringify(frame) });
    await settle();
  }
}

const URL = '/live/demo/index.m3u8';
let room: Room;
let page: Record<string, unknown>;

async function settle(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
  flushSync();
}

beforeEach(async () => {
  vi.useFakeTimers();
  vi.stubGlobal('WebSocket', Socket);
  vi.stubGlobal(
    'ResizeObserver',
    class {
      observe(): void {}
      disconnect(): void {}
    },
  );
  vi.stubGlobal('fetch', async (path: string) => {
    const body = path.endsWith('/recordings') ? { recordings: [] } : room;
    return new Response(JSON.stringify(body), { status: body ? 200 : 404 });
  });
  setLanguage('en');
  calls.made.length = 0;
  room = {
    room: 'demo',
    title: 'Demo',
    owner: 'mara',
    state: 'live',
    viewers: 3,
    members: 1,
    live_since_ms: 1_000,
    playlist: URL,
    picture: null,
  };
});

afterEach(() => {
  void unmount(page);
  document.body.replaceChildren();
  vi.unstubAllGlobals();
});

async function open(): Promise<void> {
  const { default: Watch } = await import('./Watch.svelte');
  page = mount(Watch, { target: document.body, props: { slug: 'demo' } });
  await settle();
  const member = { id: 'g', name: 'Guest', roles: [] };
  await Socket.newest.say({ type: 'welcome', epoch: 'e', seq: 0, member, room, history: [] });
}

test('a publisher that drops and comes back is one broadcast for the player', async () => {
  await open();
  expect(calls.made).toEqual([URL]);
  room = { ...room, state: 'interrupted' };
  await Socket.newest.say({ type: 'notice', seq: 1, code: 'interrupted', at: 1 });
  expect(document.querySelector('[data-testid="interrupted"]')?.textContent).toContain("mara's connection dropped");
  room = { ...room, state: 'live' };
  await Socket.newest.say({ type: 'notice', seq: 2, code: 'live', at: 2 });
  expect(document.querySelector('[data-testid="interrupted"]')).toBeNull();
  expect(calls.made).toEqual([URL]);
});

test('the end shows the offline card, and the next broadcast loads once, by itself', async () => {
  await open();
  room = { ...room, state: 'offline', live_since_ms: null };
  await Socket.newest.say({ type: 'notice', seq: 1, code: 'offline', at: 1 });
  expect(document.querySelector('[data-testid="offline"]')?.textContent).toContain('Demo is offline');
  expect(calls.made).toEqual([URL, 'unload']);
  room = { ...room, state: 'live', live_since_ms: 9_000 };
  await Socket.newest.say({ type: 'notice', seq: 2, code: 'live', at: 2 });
  expect(document.querySelector('[data-testid="offline"]')).toBeNull();
  expect(calls.made).toEqual([URL, 'unload', URL]);
});

test('another broadcast that began while nobody told us is loaded afresh', async () => {
  await open();
  Socket.newest.onclose?.();
  room = { ...room, live_since_ms: 9_000 };
  await vi.advanceTimersByTimeAsync(3_000);
  flushSync();
  expect(calls.made).toEqual([URL, URL]);
});
