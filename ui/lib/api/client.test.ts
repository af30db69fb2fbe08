// @vitest-environment node
import { expect, test, vi } from 'vitest';
import { ask } from './client';

function answers(status: number, body: unknown) {
  const fetch = vi.fn(async (_path: string, _init: RequestInit) => {
    return new Response(body === null ? null : JSON.stringify(body), { status });
  });
  vi.stubGlobal('fetch', fetch);
  return fetch;
}

test('names go into the path and searches behind it', async () => {
  const fetch = answers(200, { messages: [] });
  const answer = await ask('GET', '/api/v1/rooms/{room}/messages', {
    path: { room: 'a b' },
    query: { before: 7 },
  });
  expect(answer).toEqual({ ok: true, value: { messages: [] } });
  expect(fetch.mock.calls[0]?.[0]).toBe('/api/v1/rooms/a%20b/messages?before=7');
});

test('a body goes as JSON and nothing comes back as null', async () => {
  const fetch = answers(204, null);
  expect(await ask('DELETE', '/api/v1/account', { body: { password: 'secret words' } })).toEqual({
    ok: true,
    value: null,
  });
  expect(fetch.mock.calls[0]?.[1]).toMatchObject({ method: 'DELETE', body: '{"password":"secret words"}' });
});

test('a refusal says its status and its code, and no answer says that', async () => {
  answers(429, { code: 'too_many_tries', retry_after_ms: 3_000 });
  const refused = await ask('GET', '/api/v1/account');
  expect(refused).toMatchObject({ ok: false, problem: { status: 429, code: 'too_many_tries', retry_after_ms: 3_000 } });
  vi.stubGlobal('fetch', async () => Promise.reject(new Error('no network')));
  expect(await ask('GET', '/api/v1/account')).toMatchObject({ ok: false, problem: { status: 0, code: 'unreachable' } });
});
