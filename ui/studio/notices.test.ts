import { describe, expect, it, vi } from 'vitest';
import type { DestinationView, LiveView, Notice, View } from './bindings';

const asked: string[] = [];
vi.mock('./bindings', () => ({
  commands: new Proxy(
    {},
    {
      get: (_, name: string) => async () => {
        asked.push(name);
      },
    },
  ),
}));

const { LONG_MS, notices } = await import('./notices');

const lost = (lostMs: number): LiveView['phase'] => ({
  type: 'reconnecting',
  elapsedMs: 700_000,
  lostAtMs: 1,
  lostMs,
  attempt: 9,
  nextMs: 1_000,
  cause: { kind: 'broken', said: '' },
});

function view(live: Partial<LiveView>, changed: Partial<View> = {}): View {
  return {
    live: {
      phase: { type: 'idle' },
      blocked: null,
      destinations: [],
      stats: null,
      tooSlow: null,
      ...live,
    },
    origin: { state: { type: 'off' } },
    trouble: [],
    disk: { folder: '/videos', freeMb: 9_000, recording: null, replayMb: null },
    notices: [] as Notice[],
    ...changed,
  } as View;
}

const went: string[] = [];
const ways = {
  ask: (request: Promise<unknown>) => void request,
  origin: () => went.push('origin'),
  output: () => went.push('output'),
  end: () => went.push('end'),
  fix: ({ name }: DestinationView) => went.push(name),
};
const remedies = (one: View, age = 0): string[] =>
  (notices(one, age, ways, [])[0]?.remedies ?? []).map(({ test }) => test);

describe('a connection that is lost', () => {
  it('is tried now on request, and after ten minutes the broadcast can be ended from there too', () => {
    expect(remedies(view({ phase: lost(LONG_MS) }))).toEqual(['notice-action']);
    // The view is a second old by now.
    const late = view({ phase: lost(LONG_MS) });
    expect(remedies(late, 1_000)).toEqual(['notice-action', 'notice-end']);
    notices(late, 1_000, ways, [])[0]?.remedies?.at(-1)?.run();
    expect(went).toContain('end');
  });
});

describe('a destination that gave up', () => {
  const refused = { kind: 'key-refused', said: '' } as const;
  const told = (to: string): Notice[] => [{ id: 1, kind: { type: 'broadcast-failed', to, cause: refused } }];
  const destinations = [
    { id: 0, name: 'This computer', encode: { type: 'shared' } },
    { id: 7, name: 'Relay', encode: { type: 'shared' } },
  ] as DestinationView[];

  it('is named, and leads to its form', () => {
    const [shown] = notices(view({ destinations }, { notices: told('Relay') }), 0, ways, []);
    expect(shown?.text).toBe('Nothing is sent to Relay: the server refuses the stream key');
    shown?.remedies?.[0]?.run();
    expect(went).toContain('Relay');
  });

  it('is named also when it is removed, and the origin of the app has no form', () => {
    expect(remedies(view({ destinations }, { notices: told('Gone') }))).toEqual([]);
    expect(remedies(view({ destinations }, { notices: told('This computer') }))).toEqual([]);
  });
});

describe('a disk that is almost full', () => {
  it('says how long the recording still goes on, and stops it on request', () => {
    const full = view(
      {},
      { disk: { folder: '/videos', freeMb: 1_200, recording: { minutes: 12, stopMb: 500 }, replayMb: null } },
    );
    const [told] = notices(full, 0, ways, []);
    expect(told?.text).toContain('12 minutes of recording left');
    told?.remedies?.find(({ test }) => test === 'notice-action')?.run();
    expect(asked).toContain('record');
  });

  it('says of the replay that the oldest ones go first', () => {
    const full = view({}, { disk: { folder: '/videos', freeMb: 1_200, recording: null, replayMb: 1_200 } });
    expect(notices(full, 0, ways, [])[0]?.text).toContain('1.2 GB left for the replay. The oldest replays go first');
  });
});

describe('a computer that is too slow', () => {
  const live: LiveView['phase'] = { type: 'live', elapsedMs: 1 };

  it('is spared by a smaller picture', () => {
    const slow = view({ phase: live, tooSlow: { latePercent: 4, easier: { size: '960 × 540', fps: 30 } } });
    const [told] = notices(slow, 0, ways, []);
    expect(told?.text).toContain('4 % of frames are late');
    expect(told?.remedies?.[0]?.label).toBe('Lower to 960 × 540');
    told?.remedies?.[0]?.run();
    expect(asked).toContain('easePicture');
  });

  it('is led to the settings when nothing is smaller', () => {
    const slow = view({ phase: live, tooSlow: { latePercent: 4, easier: null } });
    expect(remedies(slow)).toEqual(['notice-settings']);
  });

  it('says nothing of it when nothing is sent', () => {
    expect(notices(view({ tooSlow: { latePercent: 4, easier: null } }), 0, ways, [])).toEqual([]);
  });
});
