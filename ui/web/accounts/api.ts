// Requests about accounts, as the origin's API takes them.

/** An answer later than this counts as none: hashing a password may have to wait its turn. Milliseconds. */
const TIMEOUT_MS = 20_000;

export type Role = 'viewer' | 'broadcaster' | 'admin';
export type Registration = 'open' | 'invite' | 'closed';
export type Scope = 'rooms:read' | 'rooms:write' | 'chat' | 'account' | 'admin';

export interface Account {
  id: number;
  name: string;
  role: Role;
  /** Whether it belongs to the app the origin runs in. */
  local: boolean;
  /** Unix time in milliseconds. */
  created_at_ms: number;
  /** Unix time in milliseconds; `null` for never. */
  seen_at_ms: number | null;
}

export interface AccountWithRooms extends Account {
  /** The rooms it owns, by slug. */
  rooms: string[];
}

export interface OwnAccount extends AccountWithRooms {
  has_password: boolean;
}

export interface SessionAnswer {
  /** `null` for a guest. */
  account: Account | null;
  registration: Registration;
}

export interface SessionView {
  id: number;
  created_at_ms: number;
  used_at_ms: number;
  agent: string;
  /** Whether it is this browser's. */
  current: boolean;
}

export interface Token {
  id: number;
  label: string;
  scopes: Scope[];
  created_at_ms: number;
  used_at_ms: number | null;
}

export interface Invitation {
  id: number;
  label: string;
  role: Role;
  made_by: string | null;
  created_at_ms: number;
  expires_at_ms: number;
  used_by: string | null;
  used_at_ms: number | null;
}

/** Why a request was refused. `code` is `unreachable` when no answer came. */
export interface Problem {
  code: string;
  /** What the origin says about it, in English. */
  detail: string;
  retry_after_ms: number | null;
  tries_left: number | null;
}

export type Answer<Value> = { ok: true; value: Value } | { ok: false; problem: Problem };

/** Asks the origin. An answer without a body is `null`. */
export async function ask<Value>(method: string, path: string, body?: unknown): Promise<Answer<Value>> {
  try {
    const response = await fetch(path, {
      method,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const read: unknown = text === '' ? null : JSON.parse(text);
    return response.ok ? { ok: true, value: read as Value } : { ok: false, problem: readProblem(read) };
  } catch {
    return { ok: false, problem: readProblem({ code: 'unreachable' }) };
  }
}

function readProblem(value: unknown): Problem {
  const fields = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  return {
    code: typeof fields.code === 'string' ? fields.code : 'other',
    detail: typeof fields.detail === 'string' ? fields.detail : '',
    retry_after_ms: typeof fields.retry_after_ms === 'number' ? fields.retry_after_ms : null,
    tries_left: typeof fields.tries_left === 'number' ? fields.tries_left : null,
  };
}
