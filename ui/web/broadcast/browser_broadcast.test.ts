import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { BrowserBroadcast } from './browser_broadcast.svelte';

/** The origin's end of the WebSocket, in the hands of the test. */
class Socket {
  static readonly OPEN = 1;
  static made: Socket[] = [];
  readyState = 0;
  bufferedAmount = 0;
  sent: number[] = [];
  closedWith: number | undefined;
  onopen: (() => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  constructor(readonly url: string) {
    Socket.made.push(this);
  }
  send(data: Blob): void {
    this.sent.push(data.size);
  }
  close(code?: number): void {
    this.closedWith ??= code;
    this.readyState = 3;
  }
  async opens(): Promise<void> {
    this.readyState = Socket.OPEN;
    this.onopen?.();
    await settle();
  }
  async drops(code = 1006, reason = ''): Promise<void> {
    this.readyState = 3;
    this.onclose?.({ code, reason });
    await settle();
  }
}

class Recorder {
  static made: Recorder[] = [];
  static supported = true;
  state = 'inactive';
  ondataavailable: ((event: { data: Blob }) => void) | null = null;
  onstop: (() => void) | null = null;
  onerror: (() => void) | null = null;
  constructor(
    readonly stream: unknown,
    readonly options: { mimeType: string; videoBitsPerSecond: number },
  ) {
    Recorder.made.push(this);
  }
  static isTypeSupported = (): boolean => Recorder.supported;
  start(): void {
    this.state = 'recording';
  }
  stop(): void {
    this.state = 'inactive';
    this.ondataavailable?.({ data: new Blob(['the rest']) });
    this.onstop?.();
  }
  gives(bytes: number): void {
    this.ondataavailable?.({ data: new Blob([new Uint8Array(bytes)]) });
  }
}

class Track extends EventTarget {
  readyState = 'live';
  constructor(readonly kind: string) {
    super();
  }
  end(): void {
    this.readyState = 'ended';
    this.dispatchEvent(new Event('ended'));
  }
}

/** Some tracks of another stream. */
class Some {
  constructor(readonly tracks: Track[]) {}
}

let camera: Track;
let microphone: Track;
let stream: MediaStream;
let answer: number | null;
let asked: RequestInit[];

async function settle(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
}

beforeEach(() => {
  vi.useFakeTimers();
  Socket.made = [];
  Recorder.made = [];
  Recorder.supported = true;
  [camera, microphone] = [new Track('video'), new Track('audio')];
  stream = { getTracks: () => [camera, microphone] } as unknown as MediaStream;
  answer = 204;
  asked = [];
  vi.stubGlobal('WebSocket', Socket);
  vi.stubGlobal('MediaRecorder', Recorder);
  vi.stubGlobal('MediaStream', Some);
  vi.stubGlobal('fetch', async (_: string, request: RequestInit) => {
    asked.push(request);
    if (answer === null) {
      throw new TypeError('no network');
    }
    return new Response(null, { status: answer });
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function live(): Promise<{ broadcast: BrowserBroadcast; socket: Socket; recorder: Recorder }> {
  const broadcast = new BrowserBroadcast('demo');
  broadcast.start(stream, 'secret', 2_500_000);
  await settle();
  const socket = Socket.made[0] as Socket;
  await socket.opens();
  const recorder = Recorder.made[0] as Recorder;
  recorder.gives(1_000);
  return { broadcast, socket, recorder };
}

test('the key goes in a header, and the first piece that leaves is what makes it live', async () => {
  const { broadcast, socket, recorder } = await live();
  expect(asked[0]?.headers).toMatchObject({ authorization: 'Bearer secret' });
  expect(socket.url).toMatch(/^ws:.*\/api\/v1\/ingest\?room=demo$/);
  expect(recorder.options.mimeType).toBe('video/mp4;codecs=avc1.42E01E,opus');
  expect([broadcast.status, socket.sent]).toEqual(['live', [1_000]]);
});

test('long pieces go in several messages', async () => {
  const { socket, recorder } = await live();
  recorder.gives(1_200_000);
  expect(socket.sent.slice(1)).toEqual([524_288, 524_288, 151_424]);
});

test('ending sends what is left and says goodbye', async () => {
  const { broadcast, socket } = await live();
  broadcast.end();
  expect([broadcast.status, socket.sent, socket.closedWith]).toEqual(['ended', [1_000, 8], 1000]);
});

test('a dropped connection comes back with a recorder of its own', async () => {
  const { broadcast, socket } = await live();
  await socket.drops();
  expect([broadcast.status, broadcast.interruptions]).toEqual(['reconnecting', 1]);
  answer = null;
  await vi.advanceTimersByTimeAsync(5_000);
  expect([broadcast.status, Socket.made.length]).toEqual(['reconnecting', 1]);
  answer = 204;
  await vi.advanceTimersByTimeAsync(5_000);
  await Socket.made[1]?.opens();
  Recorder.made[1]?.gives(10);
  expect([broadcast.status, broadcast.interruptions, Recorder.made.length]).toEqual(['live', 1, 2]);
  expect(Socket.made[1]?.sent).toEqual([10]);
});

test.each([
  [4000, 'taken_over'],
  [4001, 'key_changed'],
  [4002, 'closed'],
  [4003, 'occupied'],
  [4004, 'archived'],
  [1007, 'unreadable'],
])('close code %d ends it as %s', async (code, failure) => {
  const { broadcast, socket } = await live();
  await socket.drops(code, 'why');
  await vi.advanceTimersByTimeAsync(60_000);
  expect([broadcast.status, broadcast.failure, broadcast.words]).toEqual(['failed', failure, 'why']);
  expect(Socket.made.length).toBe(1);
});

test.each([
  [401, 'key'],
  [403, 'key'],
  [404, 'room'],
  [null, 'no_answer'],
])('an answer of %s before the first piece fails as %s', async (status, failure) => {
  answer = status;
  const broadcast = new BrowserBroadcast('demo');
  broadcast.start(stream, 'secret', 2_500_000);
  await settle();
  expect([broadcast.status, broadcast.failure, Socket.made.length]).toEqual(['failed', failure, 0]);
});

test('a browser without MP4 is told so before anything is asked', async () => {
  Recorder.supported = false;
  const broadcast = new BrowserBroadcast('demo');
  broadcast.start(stream, 'secret', 2_500_000);
  await settle();
  expect([broadcast.failure, asked.length]).toEqual(['format', 0]);
});

test('a queue lowers the bitrate with another recorder on the same connection', async () => {
  const { broadcast, socket, recorder } = await live();
  socket.bufferedAmount = 1_000_000;
  for (let at_ms = 0; at_ms < 7_000; at_ms += 500) {
    recorder.gives(160_000);
    await vi.advanceTimersByTimeAsync(500);
  }
  expect(recorder.state).toBe('inactive');
  expect(Recorder.made[1]?.options.videoBitsPerSecond).toBe(1_500_000);
  expect([broadcast.lowered, broadcast.interruptions, Socket.made.length]).toEqual([true, 0, 1]);
});

test('a queue of many seconds is given up for another connection', async () => {
  const { broadcast, socket } = await live();
  socket.bufferedAmount = 4_000_000;
  await vi.advanceTimersByTimeAsync(600);
  expect([broadcast.status, socket.closedWith, Socket.made.length]).toEqual(['reconnecting', 4100, 2]);
});

test('sources that were taken away end it', async () => {
  const { broadcast, socket, recorder } = await live();
  [camera.readyState, microphone.readyState] = ['ended', 'ended'];
  recorder.stop();
  expect([broadcast.status, broadcast.failure, socket.closedWith]).toEqual(['failed', 'sources', 1000]);
});

test('a camera that is unplugged leaves the sound on air, over the same connection', async () => {
  const { broadcast, socket } = await live();
  camera.end();
  const second = Recorder.made[1];
  expect([second?.stream, second?.options.mimeType]).toEqual([new Some([microphone]), 'audio/mp4;codecs=opus']);
  second?.gives(7);
  expect([broadcast.status, socket.sent.at(-1), Socket.made.length]).toEqual(['live', 7, 1]);
  microphone.end();
  expect([broadcast.status, broadcast.failure, socket.closedWith]).toEqual(['failed', 'sources', 1000]);
});

test('whoever manages the room needs no key, and is told when they are signed out', async () => {
  let manage = true;
  vi.stubGlobal('fetch', async () => new Response(JSON.stringify({ may: { manage } }), { status: 200 }));
  const broadcast = new BrowserBroadcast('demo');
  broadcast.start(stream, '', 2_500_000);
  await settle();
  await Socket.made[0]?.opens();
  Recorder.made[0]?.gives(9);
  expect(broadcast.status).toBe('live');
  manage = false;
  await Socket.made[0]?.drops();
  await vi.advanceTimersByTimeAsync(5_000);
  expect([broadcast.status, broadcast.failure]).toEqual(['failed', 'signed_out']);
});
