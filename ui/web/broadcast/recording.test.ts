import { expect, test } from 'vitest';
import { chooseMimeType, NetworkPace, recorderOptions } from './recording';

test.each([
  ['H.264 first', { video: true, audio: true }, () => true, 'video/mp4;codecs=avc1.42E01E,opus'],
  [
    'H.264 with AAC before AV1',
    { video: true, audio: true },
    (type: string) => type.includes('mp4a') || type.includes('av01'),
    'video/mp4;codecs=avc1.42E01E,mp4a.40.2',
  ],
  [
    'AV1 where there is no H.264',
    { video: true, audio: true },
    (type: string) => type.includes('av01'),
    'video/mp4;codecs=av01,opus',
  ],
  ['no sound', { video: true, audio: false }, () => true, 'video/mp4;codecs=avc1.42E01E'],
  ['no picture', { video: false, audio: true }, () => true, 'audio/mp4;codecs=opus'],
  ['WebM alone', { video: true, audio: true }, (type: string) => type.startsWith('video/webm'), null],
])('%s', (_, tracks, isSupported, expected) => {
  expect(chooseMimeType(tracks, isSupported)).toBe(expected);
});

test('keyframes come every second', () => {
  expect(recorderOptions('video/mp4', 1_000).videoKeyFrameIntervalDuration).toBe(1_000);
});

/** Bytes of so many seconds at 2.5 Mbit/s with its sound. */
const seconds = (count: number): number => (count * 2_628_000) / 8;

test('a short queue changes nothing', () => {
  const pace = new NetworkPace(2_500_000, 0);
  expect(pace.look(10_000, seconds(1), null)).toEqual({ do: 'nothing' });
  expect(pace.lowered).toBe(false);
});

test('a queue lowers the bitrate step by step, each with time to take effect', () => {
  const pace = new NetworkPace(2_500_000, 0);
  expect(pace.look(1_000, seconds(3), null)).toEqual({ do: 'nothing' });
  expect(pace.look(7_000, seconds(3), null)).toEqual({ do: 'record', video_bps: 1_500_000 });
  expect(pace.look(8_000, seconds(3), null)).toEqual({ do: 'nothing' });
  expect(pace.look(14_000, seconds(3), null)).toEqual({ do: 'record', video_bps: 800_000 });
  expect(pace.lowered).toBe(true);
});

test('the lowest bitrate stays', () => {
  const pace = new NetworkPace(400_000, 0);
  expect(pace.look(60_000, seconds(0.6), null)).toEqual({ do: 'nothing' });
  expect(pace.video_bps).toBe(400_000);
});

test('a queue of many seconds is given up at once', () => {
  const pace = new NetworkPace(2_500_000, 0);
  expect(pace.look(100, seconds(9), null)).toEqual({ do: 'drop', video_bps: 1_500_000 });
});

test('after a clear minute more is tried, never more than was asked for', () => {
  const pace = new NetworkPace(2_500_000, 0);
  pace.look(7_000, seconds(3), null);
  expect(pace.look(60_000, 0, null)).toEqual({ do: 'nothing' });
  expect(pace.look(67_000, 0, null)).toEqual({ do: 'record', video_bps: 2_500_000 });
  expect(pace.look(200_000, 0, null)).toEqual({ do: 'nothing' });
});

test('a queue is as long as what was recorded, not as what might have been', () => {
  const still = { recorded_bps: 600_000, left_bps: 350_000 };
  const waiting_bytes = (3 * 600_000) / 8;
  expect(new NetworkPace(2_500_000, 0).look(7_000, waiting_bytes, still)).toEqual({
    do: 'record',
    video_bps: 400_000,
  });
  expect(new NetworkPace(2_500_000, 0).look(7_000, waiting_bytes, null)).toEqual({ do: 'nothing' });
});

test.each([
  ['what the network carries, in one step', 1_200_000, 800_000],
  ['one step where that is enough', 2_400_000, 1_500_000],
  ['the lowest where nothing is', 10_000, 400_000],
])('the bitrate is lowered to %s', (_, left_bps, video_bps) => {
  const pace = new NetworkPace(2_500_000, 0);
  const flow = { recorded_bps: 2_628_000, left_bps };
  expect(pace.look(7_000, seconds(3), flow)).toEqual({ do: 'record', video_bps });
});
