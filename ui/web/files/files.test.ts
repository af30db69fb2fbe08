import { expect, test } from 'vitest';
import { formatBytes } from '$lib/format';
import { readFile } from './files';
import { fromLocalInput, toLocalInput } from './local_input';

const WIRE = {
  id: '0a',
  name: 'talk.mp4',
  bytes: 10,
  received: 4,
  created_ms: 1,
  state: 'receiving',
  live_at_ms: null,
  repeat: false,
};

test('a file is read, and what is none is not', () => {
  expect(readFile(WIRE)).toMatchObject({ id: '0a', state: 'receiving', facts: null, ended: null, position_ms: null });
  const facts = { format: 'MP4', duration_ms: 1_000, video: null, audio: { codec: 'AAC' }, notices: ['x', 3] };
  expect(readFile({ ...WIRE, state: 'done', ended: 'taken_over', facts })?.facts?.notices).toEqual(['x']);
  for (const wrong of [null, 3, {}, { ...WIRE, state: 'odd' }, { ...WIRE, id: 7 }]) {
    expect(readFile(wrong)).toBeNull();
  }
});

test('an hour goes through the field and back', () => {
  const at_ms = new Date(2026, 10, 21, 18, 5, 9).getTime();
  expect(toLocalInput(at_ms)).toBe('2026-11-21T18:05:09');
  expect(fromLocalInput(toLocalInput(at_ms))).toBe(at_ms);
  expect(fromLocalInput('2026-11-21T18:05')).toBe(new Date(2026, 10, 21, 18, 5).getTime());
  expect([fromLocalInput(''), fromLocalInput('soon')]).toEqual([null, null]);
});

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '1.0 kB'],
  [4_100_000, '4.1 MB'],
  [999_700, '1.0 MB'],
  [8_589_934_592, '8.6 GB'],
])('%s bytes', (bytes, text) => {
  expect(formatBytes(bytes, 'en')).toBe(text);
});
