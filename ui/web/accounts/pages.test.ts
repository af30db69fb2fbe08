import { flushSync, mount, unmount } from 'svelte';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { setLanguage } from '$lib/i18n/i18n.svelte';
import Register from '../pages/Register.svelte';
import SignIn from '../pages/SignIn.svelte';
import { loadSession } from './session.svelte';
import Users from './Users.svelte';

interface Asked {
  method: string;
  path: string;
  body: unknown;
}

let asked: Asked[] = [];
/** What the origin answers, by method and path. */
let answers: Record<string, [number, unknown]> = {};
let page: Record<string, unknown> | null = null;

beforeEach(() => {
  setLanguage('en');
  asked = [];
  answers = { 'GET /api/v1/session': [200, { account: null, registration: 'invite' }] };
  vi.stubGlobal('fetch', async (path: string, { method, body }: { method: string; body?: string }) => {
    asked.push({ method, path, body: body === undefined ? null : JSON.parse(body) });
    const [status, answer] = answers[`${method} ${path}`] ?? [404, {}];
    return new Response(JSON.stringify(answer), { status });
  });
});

afterEach(async () => {
  if (page) {
    await unmount(page);
  }
  page = null;
  document.body.replaceChildren();
  history.replaceState(null, '', '/');
});

function field(name: string): HTMLInputElement {
  const found = document.querySelector<HTMLInputElement>(`[data-testid=${name}]`);
  if (!found) {
    throw new Error(`the page has no "${name}"`);
  }
  return found;
}

function fill(name: string, value: string): void {
  field(name).value = value;
  field(name).dispatchEvent(new Event('input'));
}

test('a wrong password says how many tries are left', async () => {
  answers['POST /api/v1/session'] = [401, { code: 'wrong_password', tries_left: 4, detail: 'x' }];
  page = mount(SignIn, { target: document.body });
  fill('name', 'mara');
  fill('password', 'wrong password');
  field('signin').click();
  await vi.waitFor(() => expect(document.body.textContent).toContain('wrong. 4 tries left.'));
  expect(asked).toContainEqual({
    method: 'POST',
    path: '/api/v1/session',
    body: { name: 'mara', password: 'wrong password', keep: true },
  });
  expect(field('password').getAttribute('aria-invalid')).toBe('true');
});

test('an invitation of the address is checked, and gone from the address', async () => {
  history.replaceState(null, '', '/register#abc');
  answers['POST /api/v1/invitation'] = [200, { role: 'broadcaster' }];
  await loadSession();
  page = mount(Register, { target: document.body });
  await vi.waitFor(() => expect(field('invitation-hint').textContent).toContain('Good, for a broadcaster'));
  expect(field('invitation').value).toBe('abc');
  expect(location.hash).toBe('');
});

test('a server that takes no registrations has no form', async () => {
  answers['GET /api/v1/session'] = [200, { account: null, registration: 'closed' }];
  await loadSession();
  page = mount(Register, { target: document.body });
  await vi.waitFor(() => expect(field('closed').textContent).toContain('takes no registrations'));
  expect(document.querySelector('form')).toBe(null);
});

test('a role that an account may not get shows the one it has', async () => {
  const mara = { id: 1, name: 'mara', role: 'admin', rooms: [], local: false, seen_at_ms: null, locked_at_ms: null };
  answers['GET /api/v1/accounts?limit=50'] = [200, { accounts: [mara], total: 1 }];
  answers['PATCH /api/v1/accounts/1'] = [409, { code: 'last_admin', detail: 'x' }];
  page = mount(Users, { target: document.body });
  const role = await vi.waitFor(() => {
    const found = document.querySelector<HTMLSelectElement>('[data-testid=user] select');
    expect(found?.value).toBe('admin');
    return found as HTMLSelectElement;
  });
  role.value = 'viewer';
  role.dispatchEvent(new Event('change', { bubbles: true }));
  await vi.waitFor(() => expect(field('problem').dataset.code).toBe('last_admin'));
  await vi.waitFor(() => expect(role.value).toBe('admin'));
});

test('a late answer to an earlier search does not take the place of the list', async () => {
  const answering = new Map<string, () => void>();
  vi.stubGlobal('fetch', (path: string) => {
    const search = new URL(path, 'http://here').searchParams.get('search') ?? '';
    const account = { id: 1, name: `found ${search}`, role: 'viewer', local: false, created_at_ms: 1, rooms: [] };
    const body = JSON.stringify({ accounts: [{ ...account, seen_at_ms: null, locked_at_ms: null }], total: 1 });
    return new Promise((resolve) => answering.set(search, () => resolve(new Response(body))));
  });
  page = mount(Users, { target: document.body });
  flushSync();
  for (const search of ['el', 'ella']) {
    field('search').value = search;
    field('search').dispatchEvent(new Event('input', { bubbles: true }));
  }
  answering.get('ella')?.();
  await vi.waitFor(() => expect(document.body.textContent).toContain('found ella'));
  answering.get('el')?.();
  answering.get('')?.();
  await new Promise((resolve) => setTimeout(resolve));
  expect(document.body.textContent).toContain('found ella');
});
