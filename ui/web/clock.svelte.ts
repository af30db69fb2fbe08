import { onMount } from 'svelte';

/** Most times on the pages are in minutes; this often they are looked at. Milliseconds. */
const STEP_MS = 10_000;

/** The time now, Unix milliseconds, for a component: it moves every `step_ms` while the component is on screen. */
export function useClock(step_ms = STEP_MS): { readonly now: number } {
  let now = $state(Date.now());
  onMount(() => {
    const timer = setInterval(() => {
      now = Date.now();
    }, step_ms);
    return () => clearInterval(timer);
  });
  return {
    get now() {
      return now;
    },
  };
}
