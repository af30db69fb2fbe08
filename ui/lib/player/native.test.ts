import { expect, test, vi } from 'vitest';
import { playNatively } from './native';

test('a source that breaks is begun again, until it is let go', () => {
  vi.useFakeTimers();
  const video = document.createElement('video');
  vi.spyOn(video, 'canPlayType').mockReturnValue('maybe');
  const play = vi.fn();
  const letGo = playNatively(video, '/live/demo/index.m3u8', play);
  expect([video.src, play.mock.calls.length]).toEqual([`${location.origin}/live/demo/index.m3u8`, 1]);
  video.dispatchEvent(new Event('error'));
  video.dispatchEvent(new Event('error'));
  vi.advanceTimersByTime(1_000);
  expect(play).toHaveBeenCalledTimes(2);
  video.dispatchEvent(new Event('error'));
  letGo?.();
  vi.advanceTimersByTime(10_000);
  expect(play).toHaveBeenCalledTimes(2);
});

test('a browser that reads no HLS says so', () => {
  const video = document.createElement('video');
  vi.spyOn(video, 'canPlayType').mockReturnValue('');
  expect(playNatively(video, '/live/demo/index.m3u8', () => undefined)).toBeNull();
});
