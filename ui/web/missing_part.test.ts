import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { replaceMissingParts } from './missing_part';

const reload = vi.fn();
let answer: number | null;
let stop: () => void;

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  vi.clearAllMocks();
  sessionStorage.clear();
  answer = 200;
  vi.stubGlobal('fetch', async () => {
    if (answer === null) {
      throw new TypeError('no network');
    }
    return new Response(null, { status: answer });
  });
  stop = replaceMissingParts(reload);
});

afterEach(() => {
  stop();
  vi.unstubAllGlobals();
});

const miss = (): Promise<unknown> => {
  dispatchEvent(new Event('vite:preloadError'));
  return vi.advanceTimersByTimeAsync(0);
};

test('a part that is gone has the page loaded again', async () => {
  await miss();
  expect(reload).toHaveBeenCalledTimes(1);
});

test('while the origin is away the page stays', async () => {
  answer = null;
  await miss();
  answer = 502;
  await vi.advanceTimersByTimeAsync(30_000);
  expect(reload).not.toHaveBeenCalled();
  answer = 404;
  await vi.advanceTimersByTimeAsync(3_000);
  expect(reload).toHaveBeenCalledTimes(1);
});

test('a part that is still missing then does not have it loaded for ever', async () => {
  await miss();
  await miss();
  expect(reload).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(61_000);
  await miss();
  expect(reload).toHaveBeenCalledTimes(2);
});
