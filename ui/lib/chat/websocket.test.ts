import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { backoffMs } from './backoff';
import { chatUrl, WebSocketTransport } from './websocket';

/** The browser's WebSocket, in the hands of the test. */
class Socket {
  static readonly OPEN = 1;
  static made: Socket[] = [];
  readyState = 0;
  sent: string[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;

  constructor(readonly url: string) {
    Socket.made.push(this);
  }
  send(text: string): void {
    this.sent.push(text);
  }
  close(): void {
    this.readyState = 3;
  }
  open(): void {
    this.readyState = Socket.OPEN;
    this.onopen?.();
  }
  welcome(): void {
    const member = { id: 'a', name: 'Ada', roles: [] };
    this.onmessage?.({ data: JSON.stringify({ type: 'welcome', epoch: 'e', seq: 0, member, history: [] }) });
  }
}

const newest = (): Socket => {
  const socket = Socket.made.at(-1);
  if (!socket) {
    throw new Error('a socket was made');
  }
  return socket;
};

const listener = { opened: vi.fn(), frame: vi.fn(), closed: vi.fn() };
let transport: WebSocketTransport;

beforeEach(() => {
  vi.useFakeTimers();
  vi.clearAllMocks();
  vi.stubGlobal('WebSocket', Socket);
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
  Socket.made = [];
  transport = new WebSocketTransport(() => 'ws://origin/chat');
  transport.start(listener);
});

afterEach(() => {
  transport.stop();
  vi.unstubAllGlobals();
});

test('it comes back by itself, waiting longer each time nobody answers', () => {
  for (const wait of [500, 1000, 2000, 4000, 8000, 10_000, 10_000]) {
    newest().onclose?.();
    const made = Socket.made.length;
    vi.advanceTimersByTime(wait - 1);
    expect(Socket.made).toHaveLength(made);
    vi.advanceTimersByTime(1);
    expect(Socket.made).toHaveLength(made + 1);
  }
});

test('a welcome makes the next wait short again, an open socket alone does not', () => {
  newest().onclose?.();
  vi.advanceTimersByTime(500);
  newest().open();
  newest().onclose?.();
  vi.advanceTimersByTime(999);
  expect(Socket.made).toHaveLength(2);
  vi.advanceTimersByTime(1);
  newest().open();
  newest().welcome();
  newest().onclose?.();
  vi.advanceTimersByTime(500);
  expect(Socket.made).toHaveLength(4);
});

test('a connection that says nothing is given up', () => {
  newest().open();
  vi.advanceTimersByTime(10_000);
  expect(listener.closed).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(500);
  expect(Socket.made).toHaveLength(2);
});

test('one that spoke and then says nothing for a minute is given up, and any frame is a sign of life', () => {
  newest().open();
  newest().welcome();
  vi.advanceTimersByTime(59_000);
  newest().onmessage?.({ data: '{"type":"presence","viewers":1,"members":1}' });
  vi.advanceTimersByTime(59_000);
  expect(listener.closed).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1_000);
  expect(listener.closed).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(500);
  expect(Socket.made).toHaveLength(2);
});

test('nothing is sent on a closed connection', () => {
  expect(transport.send({ type: 'send', id: 'c1', text: 'hi' })).toBe(false);
  newest().open();
  expect(transport.send({ type: 'send', id: 'c1', text: 'hi' })).toBe(true);
  expect(newest().sent).toEqual(['{"type":"send","id":"c1","text":"hi"}']);
});

test('the network coming back is not waited for', () => {
  newest().onclose?.();
  window.dispatchEvent(new Event('online'));
  expect(Socket.made).toHaveLength(2);
});

test('after stop it stays away', () => {
  newest().onclose?.();
  transport.stop();
  vi.advanceTimersByTime(60_000);
  expect(Socket.made).toHaveLength(1);
});

test('waits are varied by 30 % and never beyond the limit with its share', () => {
  expect(backoffMs(0, 0)).toBe(350);
  expect(backoffMs(0, 0.999999)).toBe(650);
  expect(backoffMs(1000, 0.999999)).toBe(13_000);
});

test('the address follows the page: its scheme, host and the name', () => {
  const page = { protocol: 'https:', host: 'live.example' };
  expect(chatUrl(page, 'demo', '')).toBe('wss://live.example/api/v1/rooms/demo/chat');
  expect(chatUrl({ ...page, protocol: 'http:' }, 'demo', '小满 & co')).toBe(
    'ws://live.example/api/v1/rooms/demo/chat?name=%E5%B0%8F%E6%BB%A1%20%26%20co',
  );
});
