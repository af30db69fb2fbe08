// Asks the origin's API, typed by its own description: `cargo xtask api` makes `schema.ts` of it.

import type { components, paths } from './schema';

/** What the description calls its bodies. */
export type Schemas = components['schemas'];

/** An answer later than this counts as none: hashing a password may have to wait its turn. Milliseconds. */
const TIMEOUT_MS = 20_000;

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
type Operation<P extends keyof paths, M extends Method> =
  Lowercase<M> extends keyof paths[P] ? NonNullable<paths[P][Lowercase<M>]> : never;
type PathOf<M extends Method> = { [P in keyof paths]: [Operation<P, M>] extends [never] ? never : P }[keyof paths];

type Body<R> = R extends { content: { 'application/json': infer Value } } ? Value : null;
type Done = 200 | 201 | 204;
/** What a granted request is answered. */
export type Value<P extends keyof paths, M extends Method> =
  Operation<P, M> extends { responses: infer R } ? { [S in keyof R & Done]: Body<R[S]> }[keyof R & Done] : never;

type Named<O> = O extends { parameters: { path: infer Path } } ? { path: Path } : unknown;
type Searched<O> = O extends { parameters: { query?: infer Query } } ? { query?: Query } : unknown;
type Sent<O> = O extends { requestBody: { content: { 'application/json': infer Json } } } ? { body: Json } : unknown;
type Asked<O> = Named<O> & Searched<O> & Sent<O> & { headers?: Record<string, string> };
type Arguments<O> = Record<never, never> extends Asked<O> ? [asked?: Asked<O>] : [asked: Asked<O>];

/** Why a request was refused. `code` is `unreachable` when no answer came. */
export interface Problem {
  /** The answer's status; 0 when none came. */
  status: number;
  code: string;
  /** What the origin says about it, in English. */
  detail: string;
  retry_after_ms: number | null;
  tries_left: number | null;
}

export type Answer<T> = { ok: true; value: T } | { ok: false; problem: Problem };

/** Asks the origin. An answer without a body is `null`. */
export async function ask<M extends Method, P extends PathOf<M>>(
  method: M,
  path: P,
  ...[asked]: Arguments<Operation<P, M>>
): Promise<Answer<Value<P, M>>> {
  const { path: names, query, body, headers } = (asked ?? {}) as Parts;
  try {
    const response = await fetch(address(path, names ?? {}, query ?? {}), {
      method,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = response.status === 204 ? '' : await response.text();
    // A refusal may come from a proxy between, which speaks no JSON.
    const read: unknown = text === '' ? null : response.ok ? JSON.parse(text) : parsed(text);
    return response.ok
      ? { ok: true, value: read as Value<P, M> }
      : { ok: false, problem: readProblem(response.status, read) };
  } catch {
    return { ok: false, problem: readProblem(0, { code: 'unreachable' }) };
  }
}

interface Parts {
  path?: Record<string, string | number>;
  query?: Record<string, string | number | boolean | null | undefined>;
  body?: unknown;
  headers?: Record<string, string>;
}

/** A path with its names filled in, and what is asked for behind it. */
function address(path: string, names: NonNullable<Parts['path']>, query: NonNullable<Parts['query']>): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(names[name] ?? '')));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '' && value !== false) {
      search.set(name, String(value));
    }
  }
  return search.size === 0 ? filled : `${filled}?${search}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** A refusal, from the JSON of its answer. */
export function readProblem(status: number, value: unknown): Problem {
  const fields = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  return {
    status,
    code: typeof fields.code === 'string' ? fields.code : 'other',
    detail: typeof fields.detail === 'string' ? fields.detail : '',
    retry_after_ms: typeof fields.retry_after_ms === 'number' ? fields.retry_after_ms : null,
    tries_left: typeof fields.tries_left === 'number' ? fields.tries_left : null,
  };
}
