// Who is signed in, for every page.
import { ask, type Schemas } from '$lib/api/client';

let account = $state<Schemas['AccountView'] | null>(null);
let registration = $state<Schemas['Registration'] | null>(null);
let letters = $state(false);
let known = $state(false);

/** Who is signed in; `null` for a guest, and until it is known. */
export function signedIn(): Schemas['AccountView'] | null {
  return account;
}

/** Who may register; `null` until it is known. */
export function whoMayRegister(): Schemas['Registration'] | null {
  return registration;
}

/** Whether a forgotten password can be chosen anew by a letter. */
export function sendsLetters(): boolean {
  return letters;
}

/** Whether the origin has said who is signed in. */
export function isKnown(): boolean {
  return known;
}

/** Between two tries to learn who is signed in. Milliseconds. */
const AGAIN_MS = 3_000;

/** Asks the origin who is signed in, until it is known. */
export async function loadSession(): Promise<void> {
  const answer = await ask('GET', '/api/v1/session');
  if (answer.ok) {
    account = answer.value.account;
    registration = answer.value.registration;
    letters = answer.value.letters;
    known = true;
  } else if (!known) {
    setTimeout(() => void loadSession(), AGAIN_MS);
  }
}

/** Signs this browser out and goes to the first page. */
export async function signOut(): Promise<void> {
  const answer = await ask('DELETE', '/api/v1/session');
  if (answer.ok) {
    location.assign('/');
  }
}

/** The page to go to after signing in: one of this origin, as `?next=` names it, or the first one. */
export function nextPage(search: string): string {
  const next = new URLSearchParams(search).get('next') ?? '/';
  // Two slashes, or a backslash that browsers read as one, would lead to another site.
  return /^\/(?![/\\])/.test(next) ? next : '/';
}

/** A link to the sign-in page that comes back to this one. */
export function signInLink(): string {
  return `/signin?next=${encodeURIComponent(location.pathname)}`;
}

/** What stands behind the `#` of a link, and no longer in the address from now on. */
export function takeCode(): string {
  const code = location.hash.slice(1);
  if (code !== '') {
    history.replaceState(null, '', location.pathname + location.search);
  }
  return code;
}
