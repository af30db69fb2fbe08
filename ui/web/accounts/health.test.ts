import { flushSync, mount, unmount } from 'svelte';
import { afterEach, expect, test, vi } from 'vitest';
import { setLanguage } from '$lib/i18n/i18n.svelte';
import Health from './Health.svelte';

const SAMPLE = {
  at_ms: 0,
  cpu_percent: 50,
  memory_bytes: 48_000_000,
  disk_used_bytes: 21_000_000_000,
  disk_bytes: 107_000_000_000,
  viewers: 3,
  publishers: 1,
  rooms_live: 1,
  ingest_bps: 2_500_000,
  sent_bps: 30_000_000,
  received_bps: 2_700_000,
};
const HOUR_MS = 3_600_000;
const NOW_MS = 1_800_000_000_000;

let page: Record<string, unknown> | null = null;
afterEach(() => {
  if (page) {
    void unmount(page);
  }
  document.body.replaceChildren();
  vi.unstubAllGlobals();
});

test('an administrator looks at an hour, a day and a week, with units and in words', async () => {
  setLanguage('en');
  const asked: string[] = [];
  vi.stubGlobal('fetch', async (address: string | URL | Request) => {
    const url = new URL(String(address), 'http://here');
    const span = url.searchParams.get('span') ?? 'hour';
    asked.push(span);
    const [hours, interval_ms] = span === 'week' ? [168, 1_800_000] : span === 'day' ? [24, 300_000] : [1, 10_000];
    const samples = [
      { ...SAMPLE, at_ms: NOW_MS - interval_ms, viewers: 12 },
      { ...SAMPLE, at_ms: NOW_MS },
    ];
    const answer = { interval_ms, from_ms: NOW_MS - hours * HOUR_MS, to_ms: NOW_MS, cores: 2, samples };
    return new Response(JSON.stringify(answer), { headers: { 'content-type': 'application/json' } });
  });
  page = mount(Health, { target: document.body });
  const charts = (): string[] =>
    [...document.querySelectorAll('[data-testid=health-chart]')].map((chart) => chart.getAttribute('aria-label') ?? '');
  await vi.waitFor(() => {
    flushSync();
    expect(charts()).toHaveLength(8);
  });
  expect(charts()[0]).toMatch(/^Viewers: now 3; from .* to .* between 3 and 12\.$/);
  expect(document.body.textContent).toContain('30.0 Mb/s');
  expect(document.querySelectorAll('tbody tr')).toHaveLength(2);
  for (const [span, interval_ms] of [
    ['week', '1800000'],
    ['day', '300000'],
  ] as const) {
    document.querySelector<HTMLElement>(`[data-testid=health-${span}]`)?.click();
    await vi.waitFor(() => {
      flushSync();
      expect(document.querySelector<HTMLElement>('[data-testid=health]')?.dataset.interval).toBe(interval_ms);
    });
    expect(document.querySelector(`[data-testid=health-${span}]`)?.getAttribute('aria-pressed')).toBe('true');
  }
  expect(asked).toEqual(['hour', 'week', 'hour', 'day', 'hour']);
});
