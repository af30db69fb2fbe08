import { beforeEach, expect, test, vi } from 'vitest';
import { PIECE_BYTES, type Piece, type Transport, Upload } from './upload.svelte';

const URL = '/api/v1/rooms/demo/uploads/0a';

/** An origin that keeps what it is sent, and does to pieces what `script` says, in turn. */
class Origin implements Transport {
  stored: number | null = null;
  created = 0;
  script: ('lose' | 'refuse' | 'hold')[] = [];
  starts: number[] = [];

  create(): Promise<{ kind: 'made'; url: string } | Piece> {
    this.created += 1;
    this.stored = 0;
    return Promise.resolve({ kind: 'made', url: URL });
  }

  offset(): Promise<{ kind: 'missing' } | Piece> {
    return Promise.resolve(this.stored === null ? { kind: 'missing' } : { kind: 'taken', offset: this.stored });
  }

  send(_url: string, offset: number, bytes: Blob, progress: (sent: number) => void, stop: AbortSignal): Promise<Piece> {
    this.starts.push(offset);
    const what = this.script.shift();
    if (what === 'refuse') {
      return Promise.resolve({ kind: 'stopped', why: 'refused', words: 'the disk has no room' });
    }
    if (what === 'lose' || what === 'hold') {
      const half = Math.floor(bytes.size / 2);
      this.stored = offset + half;
      progress(half);
      return what === 'lose'
        ? Promise.resolve({ kind: 'lost' })
        : new Promise((done) => stop.addEventListener('abort', () => done({ kind: 'lost' })));
    }
    this.stored = offset + bytes.size;
    return Promise.resolve({ kind: 'taken', offset: this.stored });
  }

  remove(): Promise<void> {
    this.stored = null;
    return Promise.resolve();
  }
}

const file = (bytes: number): File => new File([new Uint8Array(bytes)], 'talk.mp4', { lastModified: 1 });

beforeEach(() => localStorage.clear());

test('a file goes in pieces to its end', async () => {
  const [origin, bytes] = [new Origin(), PIECE_BYTES + 5];
  const upload = new Upload('demo', file(bytes), origin);
  await upload.run();
  expect([upload.status, upload.sent, upload.id]).toEqual(['done', bytes, '0a']);
  expect(origin.starts).toEqual([0, PIECE_BYTES]);
  expect(localStorage.length).toBe(0);
});

test('after a lost connection it goes on where the origin has it', async () => {
  vi.useFakeTimers();
  const origin = new Origin();
  origin.script = ['lose', 'lose'];
  const upload = new Upload('demo', file(1_000), origin);
  const running = upload.run();
  await vi.advanceTimersByTimeAsync(100);
  expect(upload.status).toBe('waiting');
  await vi.advanceTimersByTimeAsync(10_000);
  await running;
  vi.useRealTimers();
  expect([upload.status, origin.created]).toEqual(['done', 1]);
  expect(origin.starts).toEqual([0, 500, 750]);
});

test('the same file, chosen again on another page, goes on', async () => {
  const origin = new Origin();
  origin.script = ['hold'];
  const first = new Upload('demo', file(1_000), origin);
  const running = first.run();
  await vi.waitFor(() => expect(first.sent).toBe(500));
  first.pause();
  await running;
  expect(first.status).toBe('paused');
  const second = new Upload('demo', file(1_000), origin);
  await second.run();
  expect([second.status, origin.created]).toEqual(['done', 1]);
  expect(origin.starts).toEqual([0, 500]);
});

test('a file that the origin has forgotten begins anew', async () => {
  const origin = new Origin();
  localStorage.setItem('rostrum.upload/demo/talk.mp4/1000/1', URL);
  const upload = new Upload('demo', file(1_000), origin);
  await upload.run();
  expect([upload.status, origin.created]).toEqual(['done', 1]);
});

test('a pause holds until it is resumed', async () => {
  const origin = new Origin();
  origin.script = ['hold'];
  const upload = new Upload('demo', file(1_000), origin);
  void upload.run();
  await vi.waitFor(() => expect(upload.sent).toBe(500));
  upload.pause();
  upload.resume();
  await vi.waitFor(() => expect(upload.status).toBe('done'));
  expect(origin.starts).toEqual([0, 500]);
});

test('what the origin refuses is said in its words', async () => {
  const origin = new Origin();
  origin.script = ['refuse'];
  const upload = new Upload('demo', file(1_000), origin);
  await upload.run();
  expect([upload.status, upload.failure, upload.words]).toEqual(['failed', 'refused', 'the disk has no room']);
});
