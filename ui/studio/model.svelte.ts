// The studio's state: the latest view that the program sent, and a clock for what counts between two views.
import { Channel } from '@tauri-apps/api/core';
import { LANGUAGES, type Language, matchLanguage, setLanguage } from '$lib/i18n/i18n.svelte';
import { setTheme } from '$lib/theme.svelte';
import { commands, type View } from './bindings';
import { reasonOf } from './errors/words';
import { History } from './history';
import { t } from './words';

/** How often what counts is drawn anew. A timer shows whole seconds; four a second keep it even. Milliseconds. */
const CLOCK_MS = 250;

let current = $state.raw<View | null>(null);
let received_ms = $state(0);
let now_ms = $state(performance.now());
let problem = $state('');
let past = $state.raw(new History());

function languageOf(view: View): Language {
  return view.language in LANGUAGES ? (view.language as Language) : matchLanguage(navigator.languages);
}

/** Follows the program; call once. */
export function follow(): void {
  const views = new Channel<View>();
  views.onmessage = (view) => {
    if (view.theme !== current?.theme) {
      setTheme(view.theme);
    }
    if (view.language !== current?.language) {
      setLanguage(languageOf(view));
    }
    document.documentElement.dataset.motion = view.looks.lessMovement ? 'less' : 'full';
    document.documentElement.dataset.contrast = view.looks.moreContrast ? 'more' : 'normal';
    received_ms = now_ms = performance.now();
    current = view;
    past = past.with(view.live.stats?.bitrateBps ?? null, now_ms);
  };
  ask(commands.showViews(views));
  setInterval(() => {
    now_ms = performance.now();
  }, CLOCK_MS);
}

/** The latest view; `null` for the first moment. */
export function view(): View | null {
  return current;
}

/** What was sent in the last five minutes of this broadcast. */
export function history(): History {
  return past;
}

/** Milliseconds since the view was made. */
export function age(): number {
  return Math.max(0, now_ms - received_ms);
}

/** Reports a request that failed, in words, where notices are. */
export function ask(request: Promise<unknown>): void {
  request.catch((error: unknown) => {
    problem = t('failed', { reason: reasonOf(error) });
  });
}

/** The last request that failed; empty when none did. */
export function failure(): string {
  return problem;
}

export function forgetFailure(): void {
  problem = '';
}
